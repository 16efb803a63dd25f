"""How a database is reached: an SQLite file in WAL mode, or PostgreSQL; which sessions may write, and that one writes at a time."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import faults
from headrace.store.direct import Statement

BUSY_SECONDS = 30
POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 10, "pool_timeout": BUSY_SECONDS}
"""A process opens at most fifteen connections to its store, and keeps five; one more waits as long as for a busy database."""
WIRE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How libpq notices a server that has vanished without a word, where the URL does not say otherwise; its own way takes hours."""
WRITE = {"headrace_write": True}
"""The execution option of a connection that may write."""

_LOG_PAGES = 4000
"""After how many pages of 4 KiB SQLite empties its write-ahead log into the file."""
_WRITERS = 0x48454144
"""The advisory lock of PostgreSQL that one writer holds at a time; any number, the same for ever."""
_READ, _WRITE_NOW = Statement("BEGIN"), Statement("BEGIN IMMEDIATE")


def connect(url: str, root: Path) -> Engine:
    """An engine for the URL; a relative SQLite path is under `root`, and its folder is made.

    Connections read only, unless they carry the option `WRITE`. On both databases one transaction writes at a time, so serial keys are in
    the order of commits. Raises HeadraceError: store-url, store-unwritable, store-driver.
    """
    parsed = _parse(url)
    engine = _sqlite(parsed, root) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    event.listen(engine, "begin", _begin)
    return engine


def where(engine: Engine) -> str:
    """The database as a message may name it: without its password."""
    return engine.url.render_as_string(hide_password=True)


def dumps(value: object) -> str:
    """JSON text; NaN and the infinities are refused (ValueError), since no two readers agree on them."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def use_wal(engine: Engine) -> None:
    """Put an SQLite file into WAL mode, which it keeps; waits for others who are opening it."""
    if engine.dialect.name != "sqlite":
        return
    deadline = time.monotonic() + BUSY_SECONDS
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        while True:
            # SQLite does not wait for its busy timeout here.
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise faults.unwritable(where(engine), error) from error
                time.sleep(0.01)
            else:
                return
    finally:
        connection.close()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise HeadraceError(_bad_url("the store's URL cannot be read"), Exit.INVALID) from error
    backend = parsed.get_backend_name()
    if backend == "postgres":
        parsed = parsed.set(drivername="postgresql")
    elif backend not in {"sqlite", "postgresql"}:
        raise HeadraceError(_bad_url(f"a store cannot be kept in `{backend}`"), Exit.INVALID)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and (not parsed.database or parsed.database == ":memory:"):
        raise HeadraceError(_bad_url("a store in memory would be forgotten"), Exit.INVALID)
    return parsed


def _bad_url(message: str) -> Diagnostic:
    return Diagnostic("store-url", message, help="store: sqlite:///.headrace/state.db   or   store: postgresql://user@host/database")


def _sqlite(url: URL, root: Path) -> Engine:
    path = root / (url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise faults.unwritable(path, error.strerror) from error
    engine = create_engine(url.set(database=str(path)), connect_args={"timeout": BUSY_SECONDS}, json_serializer=dumps, **POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # `_begin` says BEGIN itself: the driver would begin late, and not IMMEDIATE
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    # A page that many transactions touch, such as an index has, goes from the log into the file once for all of them.
    cursor.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    cursor.close()


def _postgresql(url: URL) -> Engine:
    wire = {name: value for name, value in WIRE.items() if name not in url.query}
    options: dict[str, Any] = {"pool_pre_ping": True, "json_serializer": dumps, "connect_args": wire, **POOL}
    try:
        return create_engine(url, **options)
    except ModuleNotFoundError as error:
        message = f"the store is PostgreSQL, and its driver `{error.name}` is not installed"
        raise HeadraceError(Diagnostic("store-driver", message, help="pip install 'psycopg[binary]'"), Exit.INVALID) from error


def _begin(connection: Connection) -> None:
    write = bool(connection.get_execution_options().get("headrace_write"))
    if connection.dialect.name == "sqlite":
        if connection.info.get("may_write") is not write:
            connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if write else 'ON'}")
            connection.info["may_write"] = write
        (_WRITE_NOW if write else _READ).run(connection)
    elif write:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
