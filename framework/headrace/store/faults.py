"""How a failing database, disk or folder is said in the user's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError


class ReadOnlyError(RuntimeError):
    """A write was tried outside `Store.transaction`: a fault in the program, not of a user."""


_SQLITE_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM}
_SQLITE_ALTERED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_POSTGRES_READ_ONLY = "25006"
_POSTGRES_UNWRITABLE = {"53100", _POSTGRES_READ_ONLY, "42501", "58030"}
_POSTGRES_BUSY = {"55P03", "40P01"}
_SQLITE_PRIMARY = 0xFF


def unwritable(where: object, why: object) -> HeadraceError:
    """The store's folder, file or disk takes no writes."""
    return HeadraceError(
        Diagnostic(
            "store-unwritable",
            f"the store at {where} cannot be written: {why}",
            help="make room on its disk, or give its folder to this user: `df -h`, `ls -ld`",
        )
    )


def unreachable(where: object, why: object) -> HeadraceError:
    """The database does not answer."""
    return HeadraceError(
        Diagnostic(
            "store-unreachable",
            f"the store at {where} does not answer: {why}",
            help="start the database, or correct the environment's `store:`",
        )
    )


def _busy(where: object) -> HeadraceError:
    return HeadraceError(
        Diagnostic("store-busy", f"the store at {where} stayed locked by another writer for 30 s", help="run the command again"),
        Exit.LOCKED,
    )


def _altered(where: object, why: object) -> HeadraceError:
    return HeadraceError(
        Diagnostic("store-altered", f"the store at {where} is no sound database: {why}", help="put its last backup back in its place")
    )


@contextmanager
def read_only() -> Iterator[None]:
    """Raise ReadOnlyError where the database refuses a write of a session that only reads."""
    try:
        yield
    except DBAPIError as error:
        code, state = getattr(error.orig, "sqlite_errorcode", None), getattr(error.orig, "sqlstate", None)
        if code == sqlite3.SQLITE_READONLY or state == _POSTGRES_READ_ONLY:
            raise ReadOnlyError("this session only reads: write within Store.transaction") from error
        raise


def said(error: DBAPIError, where: object) -> HeadraceError | None:
    """What a database's error means to a user; None where it is a bug of ours."""
    cause = error.orig
    why = str(cause).strip()
    code = getattr(cause, "sqlite_errorcode", 0) & _SQLITE_PRIMARY
    state = getattr(cause, "sqlstate", None)
    found: HeadraceError | None = None
    if code in _SQLITE_BUSY or state in _POSTGRES_BUSY:
        found = _busy(where)
    elif code in _SQLITE_ALTERED:
        found = _altered(where, why)
    elif code in _SQLITE_UNWRITABLE or state in _POSTGRES_UNWRITABLE:
        found = unwritable(where, why)
    elif error.connection_invalidated or (isinstance(error, OperationalError) and not isinstance(cause, sqlite3.Error) and state is None):
        found = unreachable(where, why.partition("\n")[0])
    return found


@contextmanager
def translated(where: object) -> Iterator[None]:
    """Raise HeadraceError in place of a database error that a user can mend.

    Those are store-unwritable, store-unreachable, store-busy, store-altered.
    """
    try:
        yield
    except DBAPIError as error:
        found = next((meant for one in _chain(error) if (meant := said(one, where)) is not None), None)
        if found is None:
            raise
        raise found from error


def _chain(error: BaseException | None) -> Iterator[DBAPIError]:
    """The error and those that it came from: a full disk ends SQLite's transaction, and what fails next is the return to a savepoint."""
    while error is not None:
        if isinstance(error, DBAPIError):
            yield error
        error = error.__context__
