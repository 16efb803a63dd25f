"""Where events lie: one SQLite file a definition, or tables of their own in PostgreSQL; and how a failing disk or server is told."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.online.definition import SCHEMA, Definition
from headrace.features.online.tables import Statements, statements
from headrace.secrets import Secrets
from headrace.spec.secret import REFERENCE
from headrace.store.engine import WIRE

if TYPE_CHECKING:
    import psycopg

BUSY_SECONDS = 30
"""How long one who writes waits for another."""
READ_SECONDS = 1
"""How long one who reads waits; a file that is read while it is written keeps nobody waiting, unless somebody locks all of it."""
_PAGE = 64
"""How many older events are read at once."""
_PRIMARY = 0xFF
_ALTERED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_URL = ("postgresql://", "postgres://", "postgresql+psycopg://")


class Database(Protocol):
    """A connection, of one thread at a time. HeadraceError: `online-unwritable`, `online-unreachable`, `online-altered`."""

    said: Statements

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement gives."""
        ...

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[tuple[Any, ...], None, None]:
        """The same, read as far as it is looked at."""
        ...

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> int:
        """Say a statement for each of many; how many rows it changed."""
        ...

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of the block, durably, or nothing of it."""
        ...

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The block sees one state."""
        ...

    def cut(self) -> None:
        """End what another thread is waiting for."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


def location(root: Path, where: str) -> str:
    """A folder or a URL as it is meant: a reference is followed here. HeadraceError `secret-missing`."""
    return str(Secrets(root).resolve(where)) if REFERENCE.fullmatch(where) else where


def remote(where: str) -> bool:
    """Whether a read may wait for a network."""
    return where.startswith(_URL) or REFERENCE.fullmatch(where) is not None


def place(definition: Definition, root: Path, where: str) -> str:
    """Where a definition's events lie, as a message may name it: a file's path, or a table's name."""
    if where.startswith(_URL):
        return _prefix(definition) + "event"
    return str(root / where / f"{definition.name}-{definition.digest[:16]}.db")


def open_database(definition: Definition, root: Path, where: str, *, write: bool) -> Database | None:
    """The events of a definition; with `write`, made where they are not there, else None.

    `where` is a folder under `root`, or the URL of a PostgreSQL database. HeadraceError: those of `Database`, and `online-driver`.
    """
    if where.startswith(_URL):
        return _postgresql(definition, where, write=write)
    return _sqlite(definition, Path(place(definition, root, where)), write=write)


def _sqlite(definition: Definition, path: Path, *, write: bool) -> Database | None:
    if not write and not path.exists():
        return None
    with _told(path):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS if write else READ_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        found = _SQLite(connection, path, statements(definition, "sqlite"))
        try:
            if write:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
            else:
                connection.execute("PRAGMA query_only=ON")
                connection.execute("PRAGMA mmap_size=1073741824")
            ready = _ready(found, definition, write=write)
        except BaseException:
            connection.close()
            raise
    if not ready:
        connection.close()
        return None
    return found


def _ready(database: Database, definition: Definition, *, write: bool) -> bool:
    """Whether the tables are there and of this definition; with `write` they are made, all in one."""
    if write:
        with database.writing():
            for statement in database.said.create:
                database.rows(statement)
            # The state is made last: where it is, all is.
            database.many(database.said.begin, [(SCHEMA, definition.digest)])
        return True
    try:
        return bool(database.rows(database.said.state))
    except NotThereError:
        return False


class NotThereError(Exception):
    """There is no such table yet."""


class _SQLite:
    """A file."""

    def __init__(self, connection: sqlite3.Connection, path: Path, said: Statements) -> None:
        self._connection = connection
        self._path = path
        self.said = said

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _meant(self._path, error) from error

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[tuple[Any, ...], None, None]:
        cursor = self._connection.cursor()
        try:
            cursor.arraysize = _PAGE
            yield from cursor.execute(statement, values)
        except sqlite3.Error as error:
            raise _meant(self._path, error) from error
        finally:
            cursor.close()

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> int:
        try:
            return max(self._connection.executemany(statement, values).rowcount, 0)
        except sqlite3.Error as error:
            raise _meant(self._path, error) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        self.rows("BEGIN IMMEDIATE")
        with self._ended():
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.rows("BEGIN")
        with self._ended():
            yield

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise

    def cut(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _meant(path, error) from error


def _meant(path: Path, error: OSError | sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_ERROR and "no such table" in str(error):
        return NotThereError(str(error))
    if code in _ALTERED:
        message = f"the events at {path} are no sound database: {error}"
        return HeadraceError(
            Diagnostic("online-altered", message, help="remove the file, and type `headrace features materialize`: it is made again")
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        message = f"the events at {path} stayed locked by another writer"
        return HeadraceError(Diagnostic("online-unreachable", message, help="run the command again"), Exit.LOCKED)
    return _unwritable(path, error)


def _unwritable(where: object, why: object) -> HeadraceError:
    message = f"the events at {where} cannot be written: {str(why).strip()}"
    return HeadraceError(
        Diagnostic("online-unwritable", message, help="make room on its disk, or give its folder to this user: `df -h`, `ls -ld`")
    )


def _prefix(definition: Definition) -> str:
    # PostgreSQL's names have at most 63 bytes.
    return f"online_{definition.name[:24]}_{definition.digest[:12]}_"


def _postgresql(definition: Definition, url: str, *, write: bool) -> Database | None:
    try:
        import psycopg
    except ModuleNotFoundError as error:
        message = f"events are kept in PostgreSQL, and its driver `{error.name}` is not installed"
        raise HeadraceError(Diagnostic("online-driver", message, help="pip install 'psycopg[binary]'"), Exit.INVALID) from error
    try:
        where = psycopg.conninfo.conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
        connection = psycopg.connect(**{**WIRE, **where}, autocommit=True)
    except psycopg.Error as error:
        raise _unreachable(definition, error) from error
    found = _PostgreSQL(connection, definition, statements(definition, "postgresql", _prefix(definition)))
    try:
        if _ready(found, definition, write=write):
            return found
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _unreachable(definition: Definition, why: object) -> HeadraceError:
    message = f"the events of feature_view/{definition.name} cannot be had: {str(why).strip().partition(chr(10))[0]}"
    return HeadraceError(Diagnostic("online-unreachable", message, help="start the database, or correct the environment's `online:`"))


class _PostgreSQL:
    """Tables of a server."""

    def __init__(self, connection: psycopg.Connection, definition: Definition, said: Statements) -> None:
        self._connection = connection
        self._definition = definition
        self.said = said

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._told():
            cursor = self._connection.execute(_marked(statement), values)
            return cursor.fetchall() if cursor.description is not None else []

    def stream(self, statement: str, values: Sequence[Any] = ()) -> Generator[tuple[Any, ...], None, None]:
        with self._told(), self._connection.cursor() as cursor:
            yield from cursor.execute(_marked(statement), values)

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> int:
        with self._told(), self._connection.cursor() as cursor:
            cursor.executemany(_marked(statement), values)
            return max(cursor.rowcount, 0)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._told(), self._connection.transaction():
            # One writer at a time, as with a file: two rounds of one day would undo each other.
            self.rows("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (_prefix(self._definition),))
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._told(), self._connection.transaction():
            self.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.errors.UndefinedTable as error:
            raise NotThereError(str(error)) from error
        except (psycopg.errors.DiskFull, psycopg.errors.InsufficientPrivilege, psycopg.DataError) as error:
            raise _unwritable(_prefix(self._definition), error) from error
        except psycopg.Error as error:
            raise _unreachable(self._definition, error) from error

    def cut(self) -> None:
        # Closing is for its own thread: another may only make the wait end.
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(self._connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()


def _marked(statement: str) -> Any:  # noqa: ANN401 - psycopg wants a literal string, and these are ours
    return statement.replace("?", "%s")
