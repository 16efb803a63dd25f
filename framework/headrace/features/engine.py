"""DuckDB as it is used here: one of a call's own, and a source as a relation in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compiled import SourceConfig
from headrace.features.source import Files, Place, Remote, Table, place, read_source, typed
from headrace.features.source.database import attach
from headrace.features.source.remote import fetch
from headrace.features.sql.word import literal, name
from headrace.hooks import Reader

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

MEMORY = "1GB"
"""What one query may hold in memory; beyond it, it spills to a folder under `.headrace`."""
_SOURCE, _PART = "source", "part"

_NATIVE = {
    "int64": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    "float": ("DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER"),
    "category": ("VARCHAR",),
    "text": ("VARCHAR",),
    "timestamp": ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}
"""Types of a Parquet column that DuckDB reads just as `read_source` does."""


@dataclass(frozen=True)
class Origins:
    """Where rows come from: the project's folder, its sources, and what reads them."""

    root: Path
    sources: Mapping[str, SourceConfig]
    readers: Mapping[str, Reader]


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
        # What is freed is given back soon: the peak of a query over ten million events is a sixth less.
        con.execute("SET allocator_bulk_deallocation_flush_threshold = '8MB'")
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            con.execute("SET enable_progress_bar = false")  # in a notebook without widgets it is off, and may not even be named
        con.execute("SET autoinstall_known_extensions = false")
        yield con


def engine_errors() -> tuple[type[Exception], ...]:
    """What the engine raises."""
    import duckdb

    return (duckdb.Error,)


def column_types(source: SourceConfig) -> dict[str, str]:
    """The columns of a source with what they are, by the spec's words."""
    found: dict[str, str] = {column: item.type for column, item in source.columns.items()}
    return found | ({source.arrival.time: "timestamp"} if source.arrival is not None else {})


def relation(con: duckdb.DuckDBPyConnection, origins: Origins, named: str, wanted: Sequence[str]) -> str:
    """Some columns of a source, as what stands after FROM.

    That is the file or the table itself where DuckDB reads it just as `read_source` does. Anything else is read a file or a batch at a time
    into a table of this connection, which spills as all it holds does. Numbers that are missing are NULL. HeadraceError: those of
    `read_source`.
    """
    source = origins.sources[named]
    if any(column not in source.columns for column in wanted):  # made by `arrival`, of all rows together
        return _kept(con, f"{_SOURCE}_{named}", [read_source(origins.root, named, source, origins.readers)], source, wanted)
    at = place(origins.root, named, source)
    if isinstance(at, Remote):
        at = fetch(origins.root, named, at)
    native = _native(con, named, at, source, wanted)
    if native is not None:
        return native
    return _kept(con, f"{_SOURCE}_{named}", typed(origins.root, named, source, origins.readers, at), source, wanted)


def _kept(con: duckdb.DuckDBPyConnection, table: str, parts: Iterable[pd.DataFrame], source: SourceConfig, wanted: Sequence[str]) -> str:
    """Rows in a table of this connection, in their order."""
    import pyarrow as pa

    kinds = {
        "int64": pa.int64(),
        "float": pa.float64(),
        "category": pa.string(),
        "text": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    types = column_types(source)
    schema = pa.schema([pa.field(column, kinds[types[column]]) for column in wanted])
    con.execute(f"DROP TABLE IF EXISTS {name(table)}")
    for number, part in enumerate(parts):
        con.register(_PART, pa.Table.from_pandas(part[list(wanted)], schema=schema, preserve_index=False))
        con.execute(f"{'INSERT INTO' if number else 'CREATE TEMP TABLE'} {name(table)} {'' if number else 'AS '}SELECT * FROM {_PART}")
        con.unregister(_PART)
    return name(table)


def _native(con: duckdb.DuckDBPyConnection, named: str, at: Place, source: SourceConfig, wanted: Sequence[str]) -> str | None:
    """What DuckDB scans by itself: Parquet files whose types are those that are declared and the same in all, and its own tables."""
    if isinstance(at, Table) and at.engine == "duckdb":
        scan, held = attach(con, named, at)
    elif isinstance(at, Files) and all(path.suffix.lower() in (".parquet", ".pq") for path in at.paths):
        many = ", union_by_name = true, hive_partitioning = false" if at.several else ""
        scan = f"read_parquet([{', '.join(literal(str(path)) for path in at.paths)}]{many})"
        held = _types(con, at)
    else:
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
    try:
        ((rows, beyond),) = con.execute(
            f"SELECT COUNT(*), COUNT(CASE WHEN {' OR '.join(infinite) or 'FALSE'} THEN 1 END) FROM {scan}"
        ).fetchall()
    except engine_errors():
        return None
    if not rows or beyond:
        return None  # what is wrong, `read_source` says
    return f"(SELECT {', '.join(told)} FROM {scan})"


def _types(con: duckdb.DuckDBPyConnection, files: Files) -> dict[str, str]:
    """The columns of Parquet files, of those that all have, with one type in all; none where a file is broken."""
    found: dict[str, str] | None = None
    for path in files.paths:
        try:
            rows = con.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))}, hive_partitioning = false)").fetchall()
        except engine_errors():
            return {}
        here = {str(row[0]): str(row[1]) for row in rows}
        found = here if found is None else {column: kind for column, kind in found.items() if here.get(column) == kind}
    return found or {}
