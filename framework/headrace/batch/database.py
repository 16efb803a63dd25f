"""SQLite, DuckDB and PostgreSQL as a batch writes to them: one connection, its words for types, and when its transactions begin."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, assert_never
from urllib.parse import urlsplit

from headrace.batch.spill import MEMORY

if TYPE_CHECKING:
    import pyarrow as pa

Engine = Literal["sqlite", "duckdb", "postgresql"]
_BUSY = 300
"""Seconds that another writer is waited for."""
_CONNECT = 10
"""Seconds that a server may take to answer."""
STAGED = "headrace_answers"
_ALONE = 0x68656164
"""PostgreSQL's number of the lock under which batches write one after another."""


def quoted(*parts: str | None) -> str:
    """A name as SQL has it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part is not None)


class Database(Protocol):
    """An open connection; what fails raises one of `errors`."""

    words: Mapping[str, Sequence[str]]
    """By what values are, the type of a new column, and further ones that hold them as well."""
    staged: str
    """Where the rows of a batch wait: a table of this connection alone, which goes with it."""
    longest: int | None
    """How many bytes a name may have."""
    apart: bool
    """Whether names that differ by case alone are two."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""
        ...

    def ask(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """The rows of an answer; none, where a statement has no answer."""
        ...

    def columns(self, schema: str | None, table: str) -> tuple[str | None, dict[str, str]]:
        """What stands under a name (`table`, or else what it is; None where nothing does), and its columns with their types."""
        ...

    def load(self, rows: pa.Table) -> None:
        """Put rows where those of the batch wait."""
        ...

    def begin_loading(self) -> None:
        """Before rows are loaded: nothing that others could wait for is touched until `begin_writing`."""
        ...

    def begin_writing(self) -> None:
        """From now on until the end no other batch writes; what is written is seen at COMMIT."""
        ...

    def alone(self, name: str) -> None:
        """Nobody else writes to a table until the end, and all may read it."""
        ...


@contextmanager
def opened(engine: Engine, where: str, folder: Path) -> Iterator[Database]:
    """A connection to a file, or to a URL; what it cannot hold in memory it keeps in `folder`.

    Raises what the driver does, ModuleNotFoundError where there is none.
    """
    match engine:
        case "sqlite":
            made: _SQLite | _DuckDB | _PostgreSQL = _SQLite(Path(where))
        case "duckdb":
            made = _DuckDB(Path(where), folder)
        case "postgresql":
            made = _PostgreSQL(where)
        case _:
            assert_never(engine)
    try:
        yield made
    finally:
        made.con.close()


class _SQLite:
    words: Mapping[str, Sequence[str]] = {
        "int64": ("INTEGER", "BIGINT", "INT"),
        "float": ("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT"),
        "text": ("TEXT", "VARCHAR"),
        "timestamp": ("TEXT",),
    }
    staged = f"temp.{STAGED}"
    longest: int | None = None
    apart = False

    def __init__(self, path: Path) -> None:
        import sqlite3

        path.parent.mkdir(parents=True, exist_ok=True)
        self.con = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import sqlite3

        return (sqlite3.Error,)

    def ask(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, params).fetchall()

    def columns(self, schema: str | None, table: str) -> tuple[str | None, dict[str, str]]:
        kind = self.ask(f"SELECT type FROM {quoted(schema or 'main', 'sqlite_master')} WHERE lower(name) = lower(?)", table)
        found = self.ask("SELECT name, type FROM pragma_table_info(?, ?)", table, schema or "main")
        return (kind[0][0] if kind else None), {str(name): str(said).upper() for name, said in found}

    def load(self, rows: pa.Table) -> None:
        import pyarrow as pa

        moments = [pa.types.is_timestamp(item.type) for item in rows.schema]
        values = [rows.column(at).to_pylist() for at in range(rows.num_columns)]
        told = [[one and one.isoformat() for one in held] if moment else held for held, moment in zip(values, moments, strict=True)]
        places = ", ".join("?" * rows.num_columns)
        self.con.execute("BEGIN")  # of what waits alone: SQLite would bring each row to the disk by itself
        self.con.executemany(f"INSERT INTO {self.staged} VALUES ({places})", zip(*told, strict=True))
        self.con.execute("COMMIT")

    def begin_loading(self) -> None:
        """Each table of rows is a transaction of its own."""

    def begin_writing(self) -> None:
        self.con.execute("BEGIN IMMEDIATE")

    def alone(self, name: str) -> None:
        """`BEGIN IMMEDIATE` has seen to it."""


class _DuckDB:
    words: Mapping[str, Sequence[str]] = {
        "int64": ("BIGINT",),
        "float": ("DOUBLE",),
        "text": ("VARCHAR",),
        "timestamp": ("TIMESTAMP WITH TIME ZONE",),
    }
    staged = f"temp.main.{STAGED}"
    longest: int | None = None
    apart = False

    def __init__(self, path: Path, folder: Path) -> None:
        import duckdb

        path.parent.mkdir(parents=True, exist_ok=True)
        self.con = duckdb.connect(str(path))
        self.con.execute("SET threads = 1")
        self.con.execute(f"SET memory_limit = '{MEMORY}'")
        self.con.execute("SET temp_directory = $1", [str(folder / "spill")])
        self.con.execute("SET autoinstall_known_extensions = false")
        self.con.execute("SET enable_progress_bar = false")

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import duckdb

        return (duckdb.Error,)

    def ask(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(params)).fetchall()

    def columns(self, schema: str | None, table: str) -> tuple[str | None, dict[str, str]]:
        where = "table_catalog = current_catalog() AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)"
        kind = self.ask(f"SELECT table_type FROM information_schema.tables WHERE {where}", schema or "main", table)
        found = self.ask(f"SELECT column_name, data_type FROM information_schema.columns WHERE {where}", schema or "main", table)
        said = {"BASE TABLE": "table"}.get(kind[0][0], str(kind[0][0]).lower()) if kind else None
        return said, {str(name): str(told) for name, told in found}

    def load(self, rows: pa.Table) -> None:
        self.con.register("headrace_part", rows)
        self.con.execute(f"INSERT INTO {self.staged} SELECT * FROM headrace_part")
        self.con.unregister("headrace_part")

    def begin_loading(self) -> None:
        """Each table of rows is a transaction of its own."""

    def begin_writing(self) -> None:
        self.con.execute("BEGIN TRANSACTION")

    def alone(self, name: str) -> None:
        """A file of DuckDB is of one process that writes."""


class _PostgreSQL:
    words: Mapping[str, Sequence[str]] = {
        "int64": ("bigint",),
        "float": ("double precision",),
        "text": ("text", "character varying"),
        "timestamp": ("timestamp with time zone",),
    }
    staged = f"pg_temp.{STAGED}"
    longest: int | None = 63
    apart = True

    def __init__(self, url: str) -> None:
        import psycopg

        # The scheme may name a driver, as SQLAlchemy has it.
        self.con = psycopg.connect(
            urlsplit(url)._replace(scheme="postgresql").geturl(), autocommit=True, connect_timeout=_CONNECT, application_name="headrace"
        )

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import psycopg

        return (psycopg.Error,)

    def ask(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        cursor = self.con.execute(sql.encode(), params or None)
        return cursor.fetchall() if cursor.description is not None else []

    def columns(self, schema: str | None, table: str) -> tuple[str | None, dict[str, str]]:
        name = quoted(schema, table)
        kind = self.ask("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", name)
        found = self.ask(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            name,
        )
        kinds = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}
        return (kinds.get(kind[0][0], "no table") if kind else None), {str(column): str(told) for column, told in found}

    def load(self, rows: pa.Table) -> None:
        import pyarrow.csv

        held = io.BytesIO()
        pyarrow.csv.write_csv(rows, held, pyarrow.csv.WriteOptions(include_header=False))
        with self.con.cursor() as cursor, cursor.copy(f"COPY {self.staged} FROM STDIN (FORMAT csv)".encode()) as copy:
            copy.write(held.getbuffer())

    def begin_loading(self) -> None:
        # One transaction for all: what pools connections may give each transaction another one, without its temporary tables.
        self.con.execute(b"BEGIN ISOLATION LEVEL READ COMMITTED")
        self.con.execute(f"SET LOCAL lock_timeout = '{_BUSY}s'".encode())

    def begin_writing(self) -> None:
        self.ask("SELECT pg_advisory_xact_lock(%s)", _ALONE)

    def alone(self, name: str) -> None:
        self.ask(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
