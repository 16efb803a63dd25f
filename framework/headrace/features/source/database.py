"""Tables of databases: their columns, and their rows in batches, in an order that rests on the rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit
from uuid import UUID

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.features.source.place import Table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from sqlalchemy import Connection

BATCH = 50_000
"""How many rows are held at a time."""
_CONNECT = 10
"""Seconds that a server may take to answer."""
_BUSY = 30
_ATTACHED = "attached"


def columns(name: str, table: Table) -> list[str]:
    """The columns that a table has; HeadraceError as `rows`."""
    if table.engine == "duckdb":
        with _duckdb(name, table) as con:
            return list(_described(con, name, table))
    with _connection(name, table) as connection:
        return _reflected(connection, name, table)


def rows(name: str, table: Table, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Those of the columns that the table has, batch by batch; whole numbers stay whole where some are missing.

    A table of SQLite and PostgreSQL has no order of its own: its rows come ordered by these columns, so that the same rows are always the
    same. HeadraceError `source-not-found` (no such table), `source-unreachable`, `source-driver`, `source-unreadable`.
    """
    yield from _of_duckdb(name, table, wanted) if table.engine == "duckdb" else _of_others(name, table, wanted)


def attach(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> tuple[str, Mapping[str, str]]:
    """A table of a DuckDB file as what stands after FROM, and its columns with their types; nothing of it is read."""
    _attach(con, name, table)
    return _scan(table), _described(con, name, table)


def _of_duckdb(name: str, table: Table, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    from headrace.features.sql.word import name as quoted

    with _duckdb(name, table) as con:
        held = _described(con, name, table)
        chosen = ", ".join(quoted(column) for column in wanted if column in held) or "1"
        try:
            for batch in con.sql(f"SELECT {chosen} FROM {_scan(table)}").to_arrow_reader(BATCH):
                frame: pd.DataFrame = nullable(batch)
                yield frame.drop(columns=[] if chosen != "1" else ["1"])
        except _errors() as error:
            raise _unreadable(name, table, error) from error


def _of_others(name: str, table: Table, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    import pandas as pd
    import sqlalchemy

    with _connection(name, table) as connection:
        held = _reflected(connection, name, table)
        schema, own = table.parts
        chosen: list[Any] = [sqlalchemy.column(column) for column in wanted if column in held] or [sqlalchemy.column(held[0])]
        query = sqlalchemy.select(*chosen).select_from(sqlalchemy.table(own, schema=schema)).order_by(*chosen)
        try:
            result = connection.execution_options(stream_results=True, yield_per=BATCH).execute(query)
            names, none = list(result.keys()), True
            for batch in result.partitions():
                none = False
                yield pd.DataFrame({column: _column([row[at] for row in batch]) for at, column in enumerate(names)}, columns=names)
            if none:
                yield pd.DataFrame(columns=names)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _unreadable(name, table, error) from None


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - a column
    """The values of one column as what they are: whole numbers stay whole where some are missing."""
    import pandas as pd
    import pyarrow as pa

    try:
        array = pa.array(values, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, pa.ArrowNotImplementedError):
        return pd.Series([str(value) if isinstance(value, UUID) else value for value in values], dtype=object)
    return nullable(pa.table({"x": array}))["x"]


def nullable(table: Any) -> Any:  # noqa: ANN401 - an Arrow table or batch
    """An Arrow table as a frame, in which whole numbers stay whole where some are missing."""
    import pandas as pd
    import pyarrow as pa

    whole = {getattr(pa, word.lower())(): getattr(pd, f"{word}Dtype")() for word in ("Int8", "Int16", "Int32", "Int64")}
    whole |= {getattr(pa, word.lower())(): getattr(pd, f"{word}Dtype")() for word in ("UInt8", "UInt16", "UInt32", "UInt64")}
    return table.to_pandas(types_mapper=whole.get, timestamp_as_object=False)


# DuckDB's own files ----------------------------------------------------------------------------------------------


@contextmanager
def _duckdb(name: str, table: Table) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        con.execute("SET autoinstall_known_extensions = false")
        _attach(con, name, table)
        yield con


def _attach(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    from headrace.features.sql.word import literal

    attached = {str(row[0]) for row in con.execute("SELECT database_name FROM duckdb_databases()").fetchall()}
    try:
        if _alias(table) not in attached:
            con.execute(f'ATTACH {literal(str(table.path))} AS "{_alias(table)}" (TYPE duckdb, READ_ONLY)')
    except _errors() as error:
        raise _unreadable(name, table, error) from error


def _alias(table: Table) -> str:
    import hashlib

    return f"{_ATTACHED}_{hashlib.sha256(str(table.path).encode()).hexdigest()[:12]}"


def _scan(table: Table) -> str:
    from headrace.features.sql.word import name as quoted

    schema, own = table.parts
    return ".".join(quoted(part) for part in (_alias(table), schema or "main", own))


def _described(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> dict[str, str]:
    schema, own = table.parts
    found = con.execute(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_catalog = ? ORDER BY ordinal_position",
        [_alias(table)],
    ).fetchall()
    here = {str(column): str(kind) for at, of, column, kind in found if (at, of) == (schema or "main", own)}
    if not here:
        raise _no_table(name, table, [of if at == "main" else f"{at}.{of}" for at, of, *_ in found])
    return here


def _errors() -> tuple[type[Exception], ...]:
    import duckdb

    return (duckdb.Error,)


# SQLite and PostgreSQL -------------------------------------------------------------------------------------------


@contextmanager
def _connection(name: str, table: Table) -> Iterator[Connection]:
    """A connection that reads one state of the database, and cannot write."""
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    try:
        engine = _sqlite(table.path) if table.path is not None else _postgresql(name, table)
        with engine(poolclass=NullPool).connect() as opened:
            one_state = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if table.path is None else {}
            yield opened.execution_options(**one_state)
    except ModuleNotFoundError as error:
        message = f"source/{name}: the driver `{error.name}` of PostgreSQL is not installed"
        raise HeadraceError(Diagnostic("source-driver", message, help="type `pip install 'psycopg[binary]'`")) from None
    except sqlalchemy.exc.OperationalError as error:
        raise _unreachable(name, table, error) from None


def _sqlite(path: Path) -> Callable[..., Any]:
    import functools
    import sqlite3

    import sqlalchemy

    def opened() -> sqlite3.Connection:
        # By a URL of SQLite's own, since only that opens a file to read and never makes one.
        return sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=_BUSY)

    return functools.partial(sqlalchemy.create_engine, "sqlite://", creator=opened)


def _postgresql(name: str, table: Table) -> Callable[..., Any]:
    import functools

    import sqlalchemy

    try:
        url = sqlalchemy.make_url(table.url)
    except Exception:  # noqa: BLE001 - what it says of a URL that it cannot read may hold the password
        help_ = "write `postgresql://USER:PASSWORD@HOST/NAME`, with signs such as `@` in a password as `%40`"
        raise HeadraceError(Diagnostic("source-not-found", f"source/{name}: {table.told} is no URL of a database", help=help_)) from None
    url = url.set(drivername="postgresql+psycopg")
    return functools.partial(sqlalchemy.create_engine, url, connect_args={"connect_timeout": _CONNECT})


def _reflected(connection: Connection, name: str, table: Table) -> list[str]:
    import sqlalchemy

    inspector = sqlalchemy.inspect(connection)
    schema, own = table.parts
    try:
        found = [str(item["name"]) for item in inspector.get_columns(own, schema=schema)]
    except sqlalchemy.exc.NoSuchTableError:
        found = []
    except sqlalchemy.exc.OperationalError:
        raise
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _unreadable(name, table, error) from None
    if not found:
        known = schema is None or schema in inspector.get_schema_names()
        there = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)] if known else []
        raise _no_table(name, table, [f"{schema}.{one}" if schema else one for one in there])
    return found


# what is wrong ---------------------------------------------------------------------------------------------------


def _no_table(name: str, table: Table, there: Sequence[str]) -> HeadraceError:
    there = list(dict.fromkeys(there))
    near = get_close_matches(table.table, there, n=1) or [one for one in there if one.rpartition(".")[2] == table.parts[1]][:1]
    help_ = f"did you mean `{near[0]}`?" if near else f"it has: {', '.join(sorted(there)[:20])}" if there else "it has no table there"
    return HeadraceError(Diagnostic("source-not-found", f"source/{name}: {table.told} has no table `{table.table}`", help=help_))


def _unreachable(name: str, table: Table, error: Exception) -> HeadraceError:
    if table.path is not None:
        return _unreadable(name, table, error)
    help_ = f"start the server, or correct the `uri`; then type `headrace check source/{name}`"
    return HeadraceError(
        Diagnostic("source-unreachable", f"source/{name}: {table.told} does not answer: {_said(table, error)}", help=help_)
    )


def _unreadable(name: str, table: Table, error: Exception) -> HeadraceError:
    message = f"source/{name}: `{table.table}` of {table.told} cannot be read: {_said(table, error)}"
    return HeadraceError(Diagnostic("source-unreadable", message, help="see that nothing else holds the database, and that it may be read"))


def _said(table: Table, error: Exception) -> str:
    """The first line of what a driver says, without the URL and its password."""
    lines = [line.strip() for line in str(getattr(error, "orig", None) or error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    password = urlsplit(table.url).password if table.path is None else None
    forms = {password, quote_plus(password), quote(password, safe=""), unquote(password)} if password else set()
    for secret in sorted({table.url, *forms} - {""}, key=len, reverse=True) if table.path is None else ():
        said = said.replace(secret, "•••")
    return said
