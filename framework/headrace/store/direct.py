"""Statements that every write says, by the database's own driver: to build and compile them each time would cost more than they do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

__all__ = ["Statement", "read", "written"]


class Rows(Protocol):
    """What a statement gave."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row of the driver's
        """The next row, or None."""


class Statement:
    """One statement with `?` for each value, in the way of writing of both databases."""

    def __init__(self, sql: str) -> None:
        self._sqlite, self._postgresql = sql, sql.replace("?", "%s")

    def run(self, connection: Connection, values: Sequence[object] = ()) -> Rows:
        """Say it within the connection's transaction. DBAPIError as SQLAlchemy raises it, so that it is told as all others are."""
        driver: Any = connection.connection.driver_connection
        sql = self._sqlite if connection.dialect.name == "sqlite" else self._postgresql
        try:
            found: Rows = driver.execute(sql, values)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _told(connection, sql, error) from error
        return found


def written(at: datetime, connection: Connection) -> object:
    """A moment as the driver is given it: SQLite keeps text of fixed width in UTC."""
    utc = at.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds") if connection.dialect.name == "sqlite" else utc


def read(found: datetime | str | None) -> datetime | None:
    """A moment as the driver gives it."""
    if found is None:
        return None
    at = datetime.fromisoformat(found) if isinstance(found, str) else found
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _told(connection: Connection, sql: str, error: Exception) -> BaseException:
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate()
    return DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
