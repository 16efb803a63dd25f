"""DuckDB as it is used here: one of a call's own, and a source as a relation in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compiled import SourceConfig
from headrace.features.source import locate, read_source
from headrace.features.sql.word import literal, name
from headrace.hooks import Reader

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
"""What one query may hold in memory; beyond it, it spills to a folder under `.headrace`."""
_SOURCE = "source"

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
        con.execute("SET enable_progress_bar = false")
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
    """Some columns of a source, as what stands after FROM: the file itself where DuckDB reads it as `read_source` does, or what that gives.

    Numbers that are missing are NULL. HeadraceError: those of `read_source`.
    """
    source = origins.sources[named]
    types = column_types(source)
    native = _native(con, locate(origins.root, named, source.uri), source, wanted)
    if native is not None:
        return native
    import pyarrow as pa

    frame = read_source(origins.root, named, source, origins.readers)
    kinds = {"int64": pa.float64(), "float": pa.float64(), "category": pa.string(), "timestamp": pa.timestamp("us", tz="UTC")}
    fields = [
        pa.field(column, pa.int64() if types[column] == "int64" and frame[column].dtype == "int64" else kinds[types[column]])
        for column in wanted
    ]
    con.register(_SOURCE, pa.Table.from_pandas(frame[list(wanted)], schema=pa.schema(fields), preserve_index=False))
    return _SOURCE


def _native(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, wanted: Sequence[str]) -> str | None:
    if path.suffix.lower() not in (".parquet", ".pq") or any(column not in source.columns for column in wanted):
        return None
    scan = f"read_parquet({literal(str(path))})"
    try:
        held = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
    except engine_errors():
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
    ((rows, beyond),) = con.execute(
        f"SELECT COUNT(*), COUNT(CASE WHEN {' OR '.join(infinite) or 'FALSE'} THEN 1 END) FROM {scan}"
    ).fetchall()
    if not rows or beyond:
        return None  # what is wrong, `read_source` says
    return f"(SELECT {', '.join(told)} FROM {scan})"
