"""Records into the two tables, each once: by one statement for many rows on SQLite, by COPY into a staging table on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError

from headrace.journal.records import MeasureFields, OutcomeFields, PredictionFields

R = TypeVar("R", PredictionFields, OutcomeFields, MeasureFields)

_REFUSALS = (DataError, IntegrityError, InterfaceError, OverflowError, TypeError, ValueError)
"""What a row raises whose content no table takes."""


class Refused(Exception):  # noqa: N818 - a state that the caller goes on from
    """The database refuses one of the rows for its content: the transaction is to be made again, row by row where it must."""


_CACHE_KIB = 8 * 1024
"""What a connection that inserts many rows may hold of the database: with SQLite's own 2 MiB it writes pages before the commit, and reads
them again."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLite keeps no zone: what it is given is UTC

_PREDICTION = {
    "id": "text",
    "model": "text",
    "version": "bigint",
    "arm": "text",
    "epoch": "bigint",
    "entity": "text",
    "at": "bigint",
    "recorded_at": "bigint",
    "latency_us": "bigint",
    "inputs": "json",
    "output": "double precision",
    "error": "text",
    "unseen": "json",
    "answer": "json",
}
_OUTCOME = {"model": "text", "entity": "text", "value": "double precision", "known_at": "bigint", "label": "text"}
_MEASURE = {
    "model": "text",
    "id": "text",
    "unit": "text",
    "metric": "text",
    "value": "double precision",
    "at": "bigint",
    "known_at": "bigint",
}
"""Columns, and their types in a staging table: moments are microseconds there."""
_MOMENTS = {"at", "recorded_at", "known_at"}


def predictions(connection: Connection, rows: Sequence[PredictionFields], *, apart: bool) -> list[PredictionFields]:
    """Insert what is not there by its id already, in this order.

    `apart`: the rows that the database refuses for their content are given back, and all others are there. Otherwise Refused is raised
    where it refuses any: to be able to return to a savepoint costs SQLite a copy of each page.
    """
    if connection.dialect.name == "sqlite":
        return _insert(connection, _by_sqlite("prediction", _PREDICTION, "id", _prediction_rows), rows, apart=apart)
    return _insert(connection, _by_copy("prediction", _PREDICTION, "id", _prediction_lines), rows, apart=apart)


def outcomes(connection: Connection, rows: Sequence[OutcomeFields], *, apart: bool) -> list[OutcomeFields]:
    """The same of outcomes. Of two that say otherwise of one moment, the first that came holds."""
    key = "model, entity, known_at"
    if connection.dialect.name == "sqlite":
        return _insert(connection, _by_sqlite("outcome", _OUTCOME, key, _outcome_rows), rows, apart=apart)
    return _insert(connection, _by_copy("outcome", _OUTCOME, key, _outcome_lines), rows, apart=apart)


def measures(connection: Connection, rows: Sequence[MeasureFields], *, apart: bool) -> list[MeasureFields]:
    """The same of business metrics. Of two that say otherwise under one id, the first that came holds."""
    if connection.dialect.name == "sqlite":
        return _insert(connection, _by_sqlite("measure", _MEASURE, "model, id", _measure_rows), rows, apart=apart)
    return _insert(connection, _by_copy("measure", _MEASURE, "model, id", _measure_lines), rows, apart=apart)


def _insert(connection: Connection, write: Callable[[Connection, Sequence[R]], None], rows: Sequence[R], *, apart: bool) -> list[R]:
    if not rows:
        return []
    if apart:
        return _insert_apart(connection, write, rows)
    try:
        write(connection, rows)
    except _REFUSALS as error:
        raise Refused from error
    return []


def _insert_apart(connection: Connection, write: Callable[[Connection, Sequence[R]], None], rows: Sequence[R]) -> list[R]:
    """Insert all rows, or, where the database refuses one for its content, all others; the refused ones."""
    try:
        with connection.begin_nested():
            write(connection, rows)
    except _REFUSALS:
        if len(rows) == 1:
            return list(rows)
        half = len(rows) // 2
        return _insert_apart(connection, write, rows[:half]) + _insert_apart(connection, write, rows[half:])
    return []


def _by_sqlite(
    table: str, columns: dict[str, str], key: str, told: Callable[[Sequence[R]], list[tuple[object, ...]]]
) -> Callable[[Connection, Sequence[R]], None]:
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT ({key}) DO NOTHING"  # noqa: S608 - our own names

    def write(connection: Connection, rows: Sequence[R]) -> None:
        if "headrace_roomy" not in connection.info:
            connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
            connection.info["headrace_roomy"] = True
        connection.exec_driver_sql(sql, told(rows))

    return write


def _prediction_rows(rows: Sequence[PredictionFields]) -> list[tuple[object, ...]]:
    told: list[tuple[object, ...]] = []
    first, when = 0, _written(0)
    last, recorded = first, when
    for recorded_at, id_, model, version, arm, epoch, entity, at, latency, inputs, output, error, unseen, answer in rows:
        if at != first:
            first, when = at, _written(at)
        if recorded_at != last:  # the rows of a batch have the same; what is asked of no driven clock is recorded as it is answered
            last, recorded = recorded_at, when if recorded_at == at else _written(recorded_at)
        told.append((id_, model, version, arm, epoch, entity, when, recorded, latency, inputs, output, error, unseen, answer))
    return told


def _outcome_rows(rows: Sequence[OutcomeFields]) -> list[tuple[object, ...]]:
    return [(row.model, row.entity, row.value, _written(row.known_at), row.label) for row in rows]


def _measure_rows(rows: Sequence[MeasureFields]) -> list[tuple[object, ...]]:
    return [(row.model, row.id, row.unit, row.metric, row.value, _written(row.at), _written(row.known_at)) for row in rows]


def _written(microseconds: int) -> str:
    """A moment as SQLite keeps it: text of fixed width."""
    second, rest = divmod(microseconds, 1_000_000)
    return f"{_second(second)}{rest:06d}"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    """Up to the decimal point: thousands of records share it."""
    return (_EPOCH + timedelta(seconds=second)).isoformat(" ", "seconds") + "."


def _by_copy(
    table: str, columns: dict[str, str], key: str, told: Callable[[Sequence[R]], list[str]]
) -> Callable[[Connection, Sequence[R]], None]:
    """One COPY into a table that is this connection's own and empty at each commit, and one INSERT from there."""
    staging = f"headrace_staged_{table}"
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    names = ", ".join(columns)
    # Whole seconds and the rest apart: as one double a moment of the year 9999 would be some microseconds off.
    moment = "timestamptz 'epoch' + ({0} / 1000000) * interval '1 second' + mod({0}, 1000000) * interval '1 microsecond'"
    chosen = ", ".join(moment.format(name) if name in _MOMENTS else name for name in columns)
    make = f"CREATE TEMP TABLE IF NOT EXISTS {staging} (n serial, {declared}) ON COMMIT DELETE ROWS"
    copy = f"COPY {staging} ({names}) FROM STDIN"
    insert = f"WITH told AS (DELETE FROM {staging} RETURNING *) INSERT INTO {table} ({names})"  # noqa: S608 - our own names
    insert += f" SELECT {chosen} FROM told ORDER BY n ON CONFLICT ({key}) DO NOTHING"  # noqa: S608 - likewise

    def write(connection: Connection, rows: Sequence[R]) -> None:
        lines = "".join(told(rows))
        connection.exec_driver_sql(make)
        _copy(connection, copy, lines.encode())
        connection.exec_driver_sql(insert)

    return write


def _copy(connection: Connection, sql: str, data: bytes) -> None:
    """COPY by the driver itself, with its errors as SQLAlchemy's, so that they are told as all others are."""
    import psycopg

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copying:
            copying.write(data)
    except psycopg.Error as error:
        lost = bool(driver.closed)
        if lost:
            connection.invalidate()
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost, dialect=connection.dialect
        ) from error


def _prediction_lines(rows: Sequence[PredictionFields]) -> list[str]:
    who: dict[tuple[object, ...], str] = {}
    lines = []
    for recorded_at, id_, model, version, arm, epoch, entity, at, latency, inputs, output, error, unseen, answer in rows:
        answered = (model, version, arm, epoch)
        by = who.get(answered)
        if by is None:  # what thousands of records share is looked at once
            by = who[answered] = f"{_text(model)}\t{_number(version)}\t{_text(arm)}\t{_number(epoch)}"
        when = f"{_number(at)}\t{_number(recorded_at)}\t{_number(latency)}"
        what = f"{_json(inputs)}\t{_number(output)}\t{_text(error)}\t{_json(unseen)}"
        told = "\\N" if answer is None else _json(answer)
        lines.append(f"{_text(id_)}\t{by}\t{_text(entity)}\t{when}\t{what}\t{told}\n")
    return lines


def _outcome_lines(rows: Sequence[OutcomeFields]) -> list[str]:
    return [f"{_text(row.model)}\t{_text(row.entity)}\t{_number(row.value)}\t{_number(row.known_at)}\t{_text(row.label)}\n" for row in rows]


def _measure_lines(rows: Sequence[MeasureFields]) -> list[str]:
    lines = []
    for _, model, id_, unit, metric, value, at, known_at in rows:
        texts = "\t".join(map(_text, (model, id_, unit, metric)))
        lines.append(f"{texts}\t{_number(value)}\t{_number(at)}\t{_number(known_at)}\n")
    return lines


def _json(text: str) -> str:
    """Within JSON a tabulator, and what ends a line, are written with a backslash already."""
    return text.replace("\\", "\\\\") if "\\" in text else text


def _text(value: str | None) -> str:
    if value is None:
        return "\\N"
    if not isinstance(value, str):
        raise TypeError("a text is none")
    return value if value.isalnum() else _escaped(value)


def _number(value: float | None) -> str:
    if value is None:
        return "\\N"
    if not isinstance(value, int | float):
        raise TypeError("a number is none")
    return repr(value)


def _escaped(text: str) -> str:
    """As COPY reads text: a backslash, and what ends a field or a line, by a backslash."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
