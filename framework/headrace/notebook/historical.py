"""Features in a notebook: what a view knew of an entity at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.compiled import ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.notebook.place import opened

if TYPE_CHECKING:
    import pandas as pd


def historical_features(
    rows: pd.DataFrame,
    view: str,
    *,
    features: Sequence[str] | None = None,
    entity: str | None = None,
    time: str | None = None,
    environment: str | None = None,
) -> pd.DataFrame:
    """The features of a view as they were known of each row's entity at its moment, by the index of the rows: what a training reads of it.

    `entity` and `time` are columns of the rows, by the view's own names where they are not given; a time without a zone is UTC. `features`
    are all of the view's, where none are named. Numbers are float64 with NaN, texts None where nothing was known.

    HeadraceError: `not-compiled`, `other-environment`, `unknown-view`, `missing-column`, `missing-entity`, and those of the view's source.
    """
    import pandas as pd

    from headrace.features.engine import Origins
    from headrace.features.joined import joined

    name = view.removeprefix("feature_view/")
    with opened(environment) as workspace:
        views = workspace.config.views
        if name not in views:
            raise _fault("unknown-view", f"there is no feature_view/{name}", f"there are: {', '.join(sorted(views)) or 'none'}")
        wanted = _wanted(views[name], name, features)
        spine = _spine(rows, entity or views[name].entity, time or views[name].time)
        origins = Origins(workspace.root, workspace.config.sources, workspace.plugins.readers)
        found = joined(origins, views, wanted={name: wanted}, spine=spine)
    return pd.DataFrame({word: found[word].to_numpy() for word in wanted}, index=rows.index)


def _wanted(view: ViewConfig, name: str, features: Sequence[str] | None) -> list[str]:
    wanted = list(view.features if features is None else features)
    if lacking := [word for word in wanted if word not in view.features]:
        raise _fault("missing-column", f"feature_view/{name} has no feature `{lacking[0]}`", f"it has: {', '.join(view.features)}")
    return wanted


def _spine(rows: pd.DataFrame, entity: str, time: str) -> pd.DataFrame:
    """Whose features, as of when: text, and a moment in UTC."""
    import pandas as pd

    for word, column in (("entity", entity), ("time", time)):
        if column not in rows.columns:
            help_ = f"it is `{word}=` that names it; the rows have: {', '.join(map(str, rows.columns))}"
            raise _fault("missing-column", f"the rows have no column `{column}`", help_)
    moments = pd.to_datetime(rows[time], utc=True, errors="coerce", format="ISO8601")
    for column, lacking in ((entity, rows[entity].isna()), (time, moments.isna())):
        if lacking.any():
            said = f"`{column}` has no value that can be read in {int(lacking.sum()):,} of {len(rows):,} rows"
            raise _fault("missing-entity", said, f"the first is at rows.index[{int(lacking.to_numpy().argmax())}]")
    return pd.DataFrame({"entity": rows[entity].astype(str).to_numpy(), "time": moments.array})


def _fault(id_: str, message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic(id_, message, help=help_), Exit.INVALID)
