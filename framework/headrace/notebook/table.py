"""Tracked runs as a DataFrame: a run a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace import tracking
from headrace.notebook.place import opened

if TYPE_CHECKING:
    import pandas as pd

_OWN = ("id", "experiment", "name", "model", "version", "parent", "actor", "started_at", "ended_at", "seconds", "error")


def runs(
    filter: str | None = None,  # noqa: A002 - the word that the command line has, too
    *,
    experiment: str | None = None,
    order: str = "started desc",
    limit: int | None = None,
    environment: str | None = None,
) -> pd.DataFrame:
    """The runs for which a condition holds, such as `metrics.auc > 0.9 and status == 'finished'`, one a row, in a total order.

    Columns: what every run has, then `params.NAME`, `metrics.NAME` (the last value) and `tags.NAME` of all of them, sorted; what a run
    does not have is missing. HeadraceError: `not-compiled`, `other-environment`, `bad-filter`, `bad-order`.
    """
    import pandas as pd

    by = tracking.order(order)
    with opened(environment) as workspace:
        tracking.reap(workspace.store, workspace.actor)
        found = tracking.search(workspace.store, filter, experiment=experiment, order=by, limit=limit).runs
    rows = [
        {
            **{name: getattr(run, name) for name in _OWN},
            "status": run.status.value,
            **{f"params.{name}": value for name, value in run.params.items()},
            **{f"metrics.{name}": last.value for name, last in run.metrics.items()},
            **{f"tags.{name}": value for name, value in run.tags.items()},
        }
        for run in found
    ]
    named = sorted({name for row in rows for name in row if "." in name})
    return pd.DataFrame(rows, columns=[*_OWN, "status", *named])
