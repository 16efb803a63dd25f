"""Whether a store may have changed since it was last asked, for what looks at it several times a second."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.store.sessions import Sessions

_SQLITE = "PRAGMA data_version"
"""Differs after a commit of another connection from what it was before; a tenth of what `_LASTING` costs."""
_LASTING = "SELECT max(seq) FROM audit_entry"
"""Grows with each transaction but those that repeat many times a second, which are counted and are no entry of the audit log."""


class Changes:
    """Asks by a connection of its own, a hundredth of what a session costs; for one thread at a time.

    What is written `often`, such as predictions and counts, is no change: under load that would be one at every look.
    """

    def __init__(self, store: Sessions) -> None:
        self._engine = store.engine
        self._connection: Any = None
        self._file: tuple[int, int] | None = None
        self._connections = 0
        self._version: object = None
        self._lasting: object = None

    def token(self) -> object:
        """Equal to an earlier one where nothing was committed in between; to none where the database does not answer.

        Ask before what depends on it is read: what is committed meanwhile is then seen the next time.
        """
        try:
            file = self._identity()
            if file != self._file:  # another file is in its place, such as a backup
                self.close()
            if self._connection is None:
                self._connection, self._file = self._connected(), file
                self._connections += 1  # what two connections say cannot be compared
                self._version = None
            version = self._ask(_SQLITE) if self._engine.dialect.name == "sqlite" else object()
            if version != self._version:  # asked before: what is committed meanwhile is asked about the next time
                self._lasting, self._version = self._ask(_LASTING), version
        except Exception:  # noqa: BLE001 - whoever reads then is told what is wrong, in the store's words
            self.close()
            return object()
        return self._connections, self._lasting

    def close(self) -> None:
        """Give the connection up; the next question makes another."""
        held, self._connection = self._connection, None
        if held is not None:
            with suppress(Exception):
                held.close()

    def _ask(self, question: str) -> object:
        cursor = self._connection.cursor()
        try:
            return cursor.execute(question).fetchone()
        finally:
            cursor.close()

    def _identity(self) -> tuple[int, int] | None:
        """Which file the database is, where it is one."""
        if self._engine.dialect.name != "sqlite":
            return None
        found = Path(self._engine.url.database or "").stat()
        return found.st_dev, found.st_ino

    def _connected(self) -> Any:  # noqa: ANN401 - a driver's connection
        made = self._engine.raw_connection()
        driver: Any = made.driver_connection
        made.detach()  # it is none of the pool's any more, which would take it back when nobody holds `made`
        if self._engine.dialect.name == "postgresql":
            driver.rollback()
            driver.autocommit = True
        return driver
