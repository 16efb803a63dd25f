"""An event as it is kept: whose, when it was true, from when on it may be read, its columns; and what makes it itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from headrace.features.online.definition import Definition, Kind
from headrace.features.sql.relation import delay, micros

Entity = int | str
Value = int | float | str | None

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KEY_BYTES = 16


class Event(NamedTuple):
    """One event; `time` and `seen` in microseconds since 1970, `values` in the order of the definition's columns."""

    entity: Entity
    time: int
    seen: int
    values: tuple[Value, ...]


class Keyed(NamedTuple):
    """An event, the digest of all that is kept of it, and which of several that are alike it is, from 0."""

    event: Event
    key: bytes
    occurrence: int


def moment(at: datetime) -> int:
    """A moment in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def at(microseconds: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def entity_of(definition: Definition, text: Entity) -> Entity | None:
    """An entity as it is kept; None for a text where entities are whole numbers, which no event can have."""
    if definition.entity_kind == "text":
        return str(text)
    if isinstance(text, str) and not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def event(definition: Definition, row: Mapping[str, Value], arrived: int) -> Event | None:
    """A row of the view's source as an event; None where it came too late, and counts for nothing for ever.

    `row` is by the project's names, moments in microseconds, with entity and time. `arrived` stands in where the view's events have an
    `available_at` and this one does not say it.
    """
    view = definition.view
    time, whose = row[view.time], row[view.entity]
    entity = entity_of(definition, whose) if isinstance(whose, int | str) else None
    if not isinstance(time, int) or entity is None:
        raise ValueError("an event has an entity and a time")
    seen = time + delay(view)
    if view.available_at is not None:
        told = row.get(view.available_at)
        known = told if isinstance(told, int) else arrived
        if view.late_seconds is not None and known - time > micros(view.available_after_seconds) + micros(view.late_seconds):
            return None
        seen = max(seen, known)
    values = tuple(plain(row.get(column), kind) for column, kind in zip(definition.columns, definition.kinds, strict=True))
    return Event(entity, time, seen, values)


def plain(value: Value, kind: Kind) -> Value:
    """A value as it is kept: a column's values are all of one kind."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is no value
        return None
    return int(value) if kind == "integer" else float(value) if kind == "real" else str(value)


def key(found: Event) -> bytes:
    """What makes an event itself; one that is sent twice has it twice."""
    return blake2b(repr(tuple(found)).encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def keyed(found: Iterable[Event]) -> Iterator[Keyed]:
    """Events that were told together, numbered where they are alike."""
    seen: dict[bytes, int] = {}
    for item in found:
        made = key(item)
        occurrence = seen.get(made, 0)
        seen[made] = occurrence + 1
        yield Keyed(item, made, occurrence)
