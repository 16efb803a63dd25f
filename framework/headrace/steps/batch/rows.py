"""Rows of an input as a version is asked: each value of its declared type, views computed as of the run's moment, or why a row is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace import registry
from headrace.batch import Chunk, Opened, Ready
from headrace.compiled import SourceConfig
from headrace.features import Origins, joined
from headrace.features.column import typed
from headrace.features.source.database import nullable
from headrace.steps.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the input: what the project calls it, what the file does, what its values are, whether they may be shown."""

    name: str
    inside: str
    kind: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Asks:
    """One input of the version: a column of the rows, or a view that computes it."""

    name: str
    column: Column | None
    view: str | None = None


@dataclass(frozen=True, slots=True)
class VersionOpening:
    """How any process of a machine that sees the project comes by a version and its rows."""

    workspace: str
    """The path of `flows/headrace.json`."""
    model: str
    number: int
    model_digest: str
    key: Column
    inputs: tuple[Asks, ...]
    entity: Column | None
    """Whom views are computed for; None where no view is."""
    moment: datetime
    sources: str = "{}"
    """The sources of views as JSON, as they stand still for the run."""
    group: Column | None = None
    """What rows are ranked within; None where nothing is ranked."""

    def columns(self) -> tuple[str, ...]:
        """Which columns of the files are read."""
        own = [item.column for item in self.inputs if item.column is not None]
        others = [column for column in (self.entity, self.group) if column is not None]
        return tuple(dict.fromkeys(column.inside for column in (self.key, *own, *others)))

    def __call__(self) -> Opened:
        """The version, held against its digests; HeadraceError as `registry.load`."""
        with open_workspace(Path(self.workspace), "batch") as place:
            return opened(place, self)


def opened(place: Workspace, opening: VersionOpening) -> Opened:
    """What an opening opens, in a workspace that is open already."""
    with place.store.read() as session:
        version = registry.get(session, opening.model, opening.number)
    if version.model_digest != opening.model_digest:
        raise AssertionError(version)
    loaded = registry.load(place.store, place.plugins, version)
    sources = dict(place.config.sources) | {name: SourceConfig.model_validate(told) for name, told in json.loads(opening.sources).items()}
    origins = Origins(place.root, sources, place.plugins.readers)
    return Opened(loaded.predictor, loaded.signature, loaded.answers, partial(_ready, opening, origins, dict(place.config.views)))


def _ready(opening: VersionOpening, origins: Origins, views: Mapping[str, Any], table: pa.Table, chunk: Chunk) -> Ready:
    import numpy as np
    import pandas as pd

    frame = _framed(table, chunk)
    faults: NDArray[np.object_] = np.full(len(frame), None, dtype=object)
    keys = key_values(frame[opening.key.inside], opening.key, faults)
    groups = key_values(frame[opening.group.inside], opening.group, faults) if opening.group is not None else None
    made: dict[str, Any] = {}
    for item in opening.inputs:
        if item.column is not None:
            made[item.name] = _values(frame[item.column.inside], item.column, faults)
    computed: dict[str, list[str]] = {}
    for item in opening.inputs:
        if item.view is not None:
            computed.setdefault(item.view, []).append(item.name)
    if computed and opening.entity is not None:
        entity = _values(frame[opening.entity.inside], opening.entity, faults)
        absent = entity.isna().to_numpy()
        _mark(faults, absent, f"it has no `{opening.entity.name}`")
        who = pd.Series(_texts(entity), index=frame.index, dtype=object)
        spine = pd.DataFrame({"entity": who, "moment": pd.Series(pd.Timestamp(opening.moment), index=frame.index)})
        found = joined(origins, views, wanted=computed, spine=spine)
        made |= {name: found[name] for names in computed.values() for name in names}
    return Ready(pd.DataFrame(made, index=frame.index), keys, faults, groups)


def _framed(table: pa.Table, chunk: Chunk) -> pd.DataFrame:
    """An Arrow table as readers of sources give it, with what its folder says of all its rows."""
    import pandas as pd

    frame: pd.DataFrame = nullable(table)
    said = {name: value for name, value in chunk.of.given if name not in frame.columns}
    return frame.assign(**{name: pd.Series([value] * len(frame), index=frame.index, dtype="string") for name, value in said.items()})


def keys_of(table: pa.Table, chunk: Chunk, key: Column) -> pa.Array:
    """The keys of some rows; one that is nothing of its type is missing."""
    import numpy as np

    frame = _framed(table, chunk)
    return key_values(frame[key.inside], key, np.full(len(frame), None, dtype=object))


def key_values(column: pd.Series[Any], key: Column, faults: NDArray[np.object_]) -> pa.Array:
    """A column as keys, all of one type whatever is missing among them: whole numbers stay whole."""
    import numpy as np
    import pyarrow as pa

    values = _values(column, key, faults)
    types = {"int64": pa.int64(), "float": pa.float64(), "timestamp": pa.timestamp("us", tz="UTC")}
    absent = values.isna().to_numpy()
    if key.kind == "int64" and absent.any():
        # Among missing ones whole numbers would pass through float64, which holds no more than 53 bits.
        whole = np.zeros(len(column), dtype=np.int64)
        whole[~absent] = typed(column[~absent], "int64")[0].to_numpy(dtype=np.int64)
        return pa.array(whole, pa.int64(), mask=absent)
    return pa.array(values, types.get(key.kind, pa.string()), from_pandas=True)


def _values(column: pd.Series[Any], said: Column, faults: NDArray[np.object_]) -> pd.Series[Any]:
    """A column of its declared type; a value that is nothing of it is missing, and its row is at fault."""
    import pandas as pd

    values, bad = typed(column, said.kind)
    if not bad.any():
        return values
    wrong = bad.to_numpy()
    for at in wrong.nonzero()[0]:
        if faults[at] is None:
            held = f": it is `{str(column.iloc[at])[:_LONGEST]}`" if said.shown else ""
            faults[at] = f"`{said.name}` is no {_WORDS[said.kind]}{held}"
    if wrong.all():
        return pd.Series([None] * len(column), index=column.index, dtype=object if said.kind in ("category", "text") else "float64")
    return values.where(~bad)


_WORDS = {"int64": "whole number", "float": "number", "category": "category", "text": "text", "timestamp": "moment"}


def _texts(values: pd.Series[Any]) -> list[str | None]:
    """Entities as the text that events know them by."""
    if values.dtype.kind == "f":  # whole numbers, of which some are missing
        return [None if missing else str(int(value)) for value, missing in zip(values, values.isna(), strict=True)]
    return [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]


def _mark(faults: NDArray[np.object_], those: NDArray[np.bool_], why: str) -> None:
    for at in those.nonzero()[0]:
        if faults[at] is None:
            faults[at] = why
