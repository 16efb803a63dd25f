"""Runs beside one another: every key that any of them has, and how sure a difference is where they answered the same rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import HeadraceError
from headrace.stats import bootstrap
from headrace.store import Store, digest
from headrace.tracking.found import Found

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

REFERENCE = "reference"
"""The artifact with the held-out rows, their answers and predictions."""
HOLDOUT = "holdout"
"""The digest of the held-out rows and their answers, without predictions."""
PREDICTION = "prediction"
_SEED = 7


def holdout_digest(reference: bytes) -> str:
    """The digest of held-out rows: who, when, and the answer; neither inputs nor predictions, so that models of other inputs compare.

    `reference` is Parquet with the columns entity, time, inputs, answer and `prediction`, in this order.
    """
    import pandas as pd

    frame = pd.read_parquet(io.BytesIO(reference))
    return digest(frame[[*frame.columns[:2], _target(frame)]].to_csv(index=False).encode())


class Missing:
    """What a run does not have, which None would say of a value that is null."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Row:
    """One key, with the value of each run in their order; `same` where all have it and it is equal."""

    kind: str
    name: str
    values: tuple[Any, ...]

    @property
    def same(self) -> bool:
        """Whether the runs agree on it; NaN agrees with NaN."""
        return MISSING not in self.values and len({repr(item) for item in self.values}) == 1


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs differ by on the rows that both answered: the second less the first, with bounds of the confidence told."""

    metric: str
    first: str
    second: str
    interval: bootstrap.Interval
    n: int

    @property
    def says(self) -> str:
        """Which one is higher, as far as the bounds tell."""
        if self.interval.low > 0:
            return "higher"
        return "lower" if self.interval.high < 0 else "undecided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was compared; `untested` is why a pair was not, by its ids."""

    runs: tuple[Found, ...]
    rows: tuple[Row, ...]
    paired: tuple[Paired, ...]
    untested: dict[tuple[str, str], str]


Metric = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], float]


def compare(store: Store, runs: Sequence[Found], metrics: Mapping[str, Metric]) -> Comparison:
    """Every key that any run has, and the first run against each other one by a paired bootstrap of these metrics.

    A pair is tested where both answered the same held-out rows: the digest `holdout` of both is one, and their predictions are kept.
    """
    rows: list[Row] = []
    for kind in ("params", "metrics", "tags", "digests"):
        values = [_plain(kind, run) for run in runs]
        rows += [
            Row(kind, name, tuple(item.get(name, MISSING) for item in values)) for name in sorted({key for item in values for key in item})
        ]
    paired: list[Paired] = []
    untested: dict[tuple[str, str], str] = {}
    for other in runs[1:]:
        found = _pair(store, runs[0], other, metrics)
        if isinstance(found, str):
            untested[runs[0].id, other.id] = found
        else:
            paired += found
    return Comparison(tuple(runs), tuple(rows), tuple(paired), untested)


def _plain(kind: str, run: Found) -> dict[str, Any]:
    values: dict[str, Any] = getattr(run, kind)
    return {name: last.value for name, last in values.items()} if kind == "metrics" else values


def _pair(store: Store, first: Found, second: Found, metrics: Mapping[str, Metric]) -> list[Paired] | str:
    held = [run.digests.get(HOLDOUT) for run in (first, second)]
    if None in held:
        return "no held-out predictions were kept of " + ("both" if held == [None, None] else "one of them")
    if held[0] != held[1]:
        return "they answered other held-out rows"
    try:
        one, two = (_reference(store, run) for run in (first, second))
    except HeadraceError as error:
        return next(iter(error.report)).message
    target = one[_target(one)].to_numpy(dtype=float)
    pair = (two[PREDICTION].to_numpy(dtype=float), one[PREDICTION].to_numpy(dtype=float))
    return [
        Paired(
            name,
            first.id,
            second.id,
            bootstrap.difference("roc_auc" if name == "roc_auc" else metric, target, *pair, seed=_SEED),
            len(target),
        )
        for name, metric in sorted(metrics.items())
    ]


def _reference(store: Store, run: Found) -> pd.DataFrame:
    import pandas as pd

    kept = run.artifact(REFERENCE)
    return pd.read_parquet(io.BytesIO(store.blobs.get(kept.digest if kept is not None else "")))


def _target(frame: pd.DataFrame) -> str:
    """The column of the answers: the last one before the predictions."""
    return str(frame.columns[list(frame.columns).index(PREDICTION) - 1])
