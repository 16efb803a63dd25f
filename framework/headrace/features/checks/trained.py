"""What a training had: how the columns that checks compare with it were spread, recorded with the run and found again by its champion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.compiled import CheckConfig, SourceConfig
from headrace.features.checks.query import Looked
from headrace.features.engine import Origins, column_types, engine, relation
from headrace.features.sql.word import name
from headrace.spec.source import TEXTS
from headrace.stats.bins import Profile

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from headrace.store import Store

SPREAD = "spread"
"""Under which word a training's run names the blob."""
MOST = 1024
"""How many values of a number are kept, evenly over its order: a distance of distributions is off by no more than a thousandth."""


@dataclass(frozen=True, slots=True)
class Had:
    """How a column was spread: the bins that it fixes, and some of its values in order."""

    profile: Profile
    sample: tuple[float, ...]


Trained = Mapping[str, Mapping[str, Had]]
"""By source and check."""


def of_training(item: CheckConfig) -> bool:
    """Whether a check compares with a training."""
    return item.says == "like" and "/" in (item.other or "")


def column(con: duckdb.DuckDBPyConnection, item: CheckConfig, of: Looked) -> pd.DataFrame:
    """The column of a check as `x`: float64 with NaN, or texts."""
    import numpy as np
    import pandas as pd

    text, inside = of.types.get(item.column or "") in TEXTS, name(item.column or "")
    found: Any = con.execute(f"SELECT {inside if text else f'CAST({inside} AS DOUBLE)'} AS x FROM {of.relation}").fetchnumpy()["x"]
    if text:
        return pd.DataFrame({"x": pd.Series(np.ma.filled(found.astype(object), None), dtype=object)})
    return pd.DataFrame({"x": np.ma.filled(found.astype(np.float64), np.nan)})


def record(store: Store, origins: Origins, sources: Sequence[str], model: str) -> str | None:
    """Keep how the columns are spread that checks compare with the trainings of a model; the blob, None where there is no such check."""
    told: dict[str, dict[str, Any]] = {}
    for named in dict.fromkeys(sources):
        source = origins.sources[named]
        items = [item for item in source.checks if of_training(item) and item.other == f"model/{model}"]
        if items:
            told[named] = _spread(origins, named, source, items)
    return store.blobs.put(json.dumps(told, sort_keys=True).encode()) if told else None


def _spread(origins: Origins, named: str, source: SourceConfig, items: Sequence[CheckConfig]) -> dict[str, Any]:
    import numpy as np

    from headrace.stats import bins

    found, types = {}, column_types(source)
    with engine(origins.root) as con:
        of = Looked(relation(con, origins, named, sorted({item.column or "" for item in items})), types, {}, 0)
        for item in items:
            frame, text = column(con, item, of), types.get(item.column or "") in TEXTS
            values = np.sort(frame["x"].dropna().to_numpy(dtype=np.float64)) if not text else np.array([])
            if len(values) > MOST:
                values = values[np.linspace(0, len(values) - 1, MOST).round().astype(np.int64)]
            made = bins.profile({"x": "category" if text else "number"}, frame)
            found[item.id] = {"column": item.column, "profile": made.to_json(), "sample": values.tolist()}
    return found


def trained(store: Store, sources: Mapping[str, SourceConfig]) -> Trained:
    """What the champions' trainings had, of the checks that ask for it; nothing of a check that was of another column then."""
    from headrace import registry
    from headrace.store import tables

    asked = {named: [item for item in source.checks if of_training(item)] for named, source in sources.items()}
    models = {item.other or "" for items in asked.values() for item in items}
    blobs: dict[str, Mapping[str, Any]] = {}
    with store.read() as session:
        for model in sorted(models):
            name_ = model.removeprefix("model/")
            number = registry.aliases(session, name_).get(registry.CHAMPION)
            run = session.get(tables.Run, registry.get(session, name_, number).run_id) if number is not None else None
            digest = run.details.get(SPREAD) if run is not None else None
            if digest is not None:
                blobs[model] = json.loads(store.blobs.get(digest))
    found: dict[str, dict[str, Had]] = {}
    for named, items in asked.items():
        for item in items:
            held = blobs.get(item.other or "", {}).get(named, {}).get(item.id)
            if held is not None and held["column"] == item.column:
                had = Had(Profile.from_json(held["profile"]), tuple(held["sample"]))
                found.setdefault(named, {})[item.id] = had
    return found
