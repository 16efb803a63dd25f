"""Computed features as they were known at given moments: one query a view, its plan chosen by how many pairs it would make."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.source import locate, read_source
from headrace.features.sql import DUCKDB, ENTITY, LINE, MOMENT, Plan, columns, identity, values
from headrace.features.sql.relation import oldest
from headrace.features.sql.values import closure
from headrace.features.sql.word import literal, name
from headrace.hooks import Reader

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

MEMORY = "1GB"
"""What one query may hold in memory; beyond it, it spills to a folder beside the store."""
PAIRS = 20
"""How many times more pairs than events and lines together a join may make before walking is cheaper."""
_SOURCE = "source"
_ASKED = "asked"

_NATIVE = {
    "int64": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    "float": ("DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER"),
    "category": ("VARCHAR",),
    "timestamp": ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}
"""Types of a Parquet column that DuckDB reads just as `read_source` does."""


@dataclass(frozen=True)
class Origins:
    """Where rows come from: the project's folder, its sources, and what reads them."""

    root: Path
    sources: Mapping[str, SourceConfig]
    readers: Mapping[str, Reader]


def joined(origins: Origins, views: Mapping[str, ViewConfig], *, wanted: Mapping[str, Sequence[str]], spine: pd.DataFrame) -> pd.DataFrame:
    """The wanted features of each view (by view, their names) as they were known of each line of the spine, in its order.

    `spine` has two columns: the entity as text, and the moment (UTC). Numbers are float64 with NaN, texts None where there is none.
    HeadraceError: those of `read_source`, `unknown-view`, and `features-failed` where the engine cannot go on.
    """
    import numpy as np
    import pandas as pd

    found = pd.DataFrame(index=spine.index)
    for view, names in wanted.items():
        if view not in views:
            fault = Diagnostic("unknown-view", f"there is no feature_view/{view} in flows/headrace.json", help="type `headrace compile`")
            raise HeadraceError(fault, Exit.FAILED)
        table = _of_view(origins, view, views[view], names, spine)
        for word in names:
            number = views[view].features[word].type == "number"
            told = table[word].to_numpy(dtype="float64", na_value=float("nan")) if number else table[word].to_numpy(dtype=object)
            if number and (beyond := np.isinf(told)).any():
                entity, moment = spine.iloc[int(beyond.argmax())]
                message = f"feature_view/{view}: `{word}` of {entity} at {moment:%Y-%m-%d %H:%M} is beyond what a number holds"
                raise HeadraceError(Diagnostic("features-failed", message, help="look for the values in its source"))
            found[word] = pd.Series(told, index=spine.index, dtype="float64" if number else object)
    return found


def _of_view(origins: Origins, named: str, view: ViewConfig, wanted: Sequence[str], spine: pd.DataFrame) -> pd.DataFrame:
    types = column_types(origins.sources[view.source])
    with engine(origins.root) as con:
        relation = _relation(con, origins, view, types)
        con.register(_ASKED, _lines(spine))
        entity = f"TRY_CAST({name('entity')} AS {identity(view, types)})"
        asked = f"SELECT {name('line')} AS {name(LINE)}, {entity} AS {name(ENTITY)}, {name('moment')} AS {name(MOMENT)} FROM {_ASKED}"
        try:
            plan = _plan(con, view, wanted, relation)
            query = values(view, wanted, spine=asked, source=relation, types=types, dialect=DUCKDB, plan=plan)
            answers: pd.DataFrame = con.sql(query).df()
        except _engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(Diagnostic("features-failed", f"feature_view/{named} could not be computed: {said}")) from error
    if len(answers) != len(spine) or not (answers[LINE].to_numpy() == range(len(spine))).all():
        message = f"feature_view/{named} gave {len(answers):,} rows for {len(spine):,} of the model's: one each is wanted"
        raise HeadraceError(Diagnostic("features-failed", message))
    return answers


@contextmanager
def engine(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of this call alone: one thread, so that sums of floats are always the same; bounded memory, spilling under `.headrace`."""
    import duckdb

    place = root / ".headrace"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spill-", dir=place) as spill, duckdb.connect() as con:
        con.execute("SET threads = 1")
        con.execute(f"SET memory_limit = {literal(MEMORY)}")
        con.execute(f"SET temp_directory = {literal(spill)}")
        con.execute("SET enable_progress_bar = false")
        con.execute("SET autoinstall_known_extensions = false")
        yield con


def _engine_errors() -> tuple[type[Exception], ...]:
    import duckdb

    return (duckdb.Error,)


def column_types(source: SourceConfig) -> dict[str, str]:
    """The columns of a source with what they are, by the spec's words."""
    found: dict[str, str] = {column: item.type for column, item in source.columns.items()}
    return found | ({source.arrival.time: "timestamp"} if source.arrival is not None else {})


def _lines(spine: pd.DataFrame) -> Any:  # noqa: ANN401 - an Arrow table
    import pyarrow as pa

    entity, moment = spine.iloc[:, 0], spine.iloc[:, 1]
    at = moment.dt.tz_convert("UTC").dt.as_unit("us").astype("int64")
    return pa.table(
        {"line": pa.array(range(len(spine)), pa.int64()), "entity": pa.array(entity, pa.string()), "moment": pa.array(at, pa.int64())}
    )


def _relation(con: duckdb.DuckDBPyConnection, origins: Origins, view: ViewConfig, types: Mapping[str, str]) -> str:
    """What stands after FROM: the file itself where DuckDB reads it as `read_source` does, or what that gives."""
    wanted = sorted({*columns(view), view.entity, view.time, *([view.available_at] if view.available_at else [])})
    source = origins.sources[view.source]
    native = _native(con, locate(origins.root, view.source, source.uri), source, wanted)
    if native is not None:
        return native
    import pyarrow as pa

    frame = read_source(origins.root, view.source, source, origins.readers)
    kinds = {"int64": pa.float64(), "float": pa.float64(), "category": pa.string(), "timestamp": pa.timestamp("us", tz="UTC")}
    fields = [
        pa.field(column, pa.int64() if types[column] == "int64" and frame[column].dtype == "int64" else kinds[types[column]])
        for column in wanted
    ]
    con.register(_SOURCE, pa.Table.from_pandas(frame[wanted], schema=pa.schema(fields), preserve_index=False))
    return _SOURCE


def _native(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, wanted: Sequence[str]) -> str | None:
    if path.suffix.lower() not in (".parquet", ".pq") or any(column not in source.columns for column in wanted):
        return None
    scan = f"read_parquet({literal(str(path))})"
    try:
        held = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
    except _engine_errors():
        return None
    told, infinite = [], []
    for column in wanted:
        item = source.columns[column]
        kind = held.get(item.from_)
        if kind not in _NATIVE[item.type]:
            return None
        inside = name(item.from_)
        if kind in ("DOUBLE", "FLOAT"):
            infinite.append(f"isinf({inside})")
            inside = f"CASE WHEN isnan({inside}) THEN NULL ELSE CAST({inside} AS DOUBLE) END"
        told.append(f"{inside} AS {name(column)}")
    if infinite and con.execute(f"SELECT COUNT(*) FROM {scan} WHERE {' OR '.join(infinite)}").fetchall() != [(0,)]:
        return None
    return f"(SELECT {', '.join(told)} FROM {scan})"


def _plan(con: duckdb.DuckDBPyConnection, view: ViewConfig, wanted: Sequence[str], relation: str) -> Plan:
    """Walk where a join would make many more pairs than there are events and lines: entities with many events, and wide windows."""
    ages = [oldest(view, view.features[word]) for word in closure(view, wanted) if view.features[word].kind != "expression"]
    widest = max((age for age in ages if age is not None), default=0)
    if not widest or view.available_at is not None:
        return "join"
    entity, time = name(view.entity), name(view.time)
    ((pairs, size),) = con.execute(
        f"WITH e AS (SELECT CAST({entity} AS VARCHAR) AS k, COUNT(*) AS n, MIN(epoch_us({time})) AS first, MAX(epoch_us({time})) AS last"
        f" FROM {relation} GROUP BY 1), s AS (SELECT {name('entity')} AS k, COUNT(*) AS n FROM {_ASKED} GROUP BY 1)"
        f" SELECT COALESCE(SUM(e.n * s.n * LEAST(1.0, {float(widest)!r} / GREATEST(e.last - e.first, 1))), 0.0),"
        f" (SELECT COALESCE(SUM(n), 0) FROM e) + (SELECT COALESCE(SUM(n), 0) FROM s) FROM e JOIN s ON e.k = s.k"
    ).fetchall()
    return "window" if float(pairs) > PAIRS * float(size) else "join"
