"""From a view's source to its online events: the days that changed, each whole or not at all, so that it may end anywhere and go on.

A day is known by the number of its events and a digest of them. A day that is as it was is not touched; of one that changed, events that
are new are added, those that the source holds no longer are deleted, and those that were pushed meanwhile stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from headrace.compiled import ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.engine import Origins, column_types, engine, engine_errors, relation
from headrace.features.online.definition import Definition, define
from headrace.features.online.event import Event, Keyed, at, key, moment, plain
from headrace.features.online.events import DAY_MICROS, Events, needed
from headrace.features.sql import DUCKDB, ENTITY, SEEN, TIME
from headrace.features.sql.relation import events as events_of
from headrace.features.sql.word import name

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 50_000
"""After about so many events what was read is made durable."""
_FETCH = 10_000

_Held = Mapping[int, tuple[int, str]]
Tell = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: days that are done, of those that changed, and events brought in."""

    view: str
    days: int
    of: int
    events: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    view: str
    days: int
    """Days that were brought in again, because they had changed or were asked for."""
    unchanged: int
    events: int
    """Events of these days."""
    newest: datetime | None
    watermark: datetime | None
    pruned_before: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """Days to bring in whatever was read of them before: those that hold moments from one to another, the end not in it."""

    start: datetime
    end: datetime


def definition_of(origins: Origins, views: Mapping[str, ViewConfig], view: str) -> Definition:
    """A view as events are kept for it; HeadraceError `unknown-view`."""
    if view not in views:
        known = ", ".join(sorted(views)) or "none"
        fault = Diagnostic("unknown-view", f"there is no feature_view/{view} in flows/headrace.json", help=f"it has: {known}")
        raise HeadraceError(fault, Exit.INVALID)
    return define(view, views[view], origins.sources[views[view].source])


def materialize(
    origins: Origins, definition: Definition, where: str, now: datetime, *, span: Span | None = None, tell: Tell | None = None
) -> Done:
    """Bring in the days of the source that changed since the last time, or all of a span; one call at a time for a definition.

    HeadraceError: those of `read_source`, of `Events.open`, `features-failed` where the engine cannot go on, and `backfill-gap` for a span
    that would leave a hole between it and what was kept.
    """
    view = definition.view
    types = column_types(origins.sources[view.source])
    with Events.open(definition, origins.root, where) as events, engine(origins.root) as con:
        floor = events.state().floor
        if span is not None:
            _refuse_gap(definition, floor, span)
        read = sorted({*definition.columns, view.entity, view.time, *([view.available_at] if view.available_at else [])})
        source = relation(con, origins, view.source, read)
        try:
            happened = events_of(view, source, types, DUCKDB)
            held = _days(con, definition, happened)
            chosen, unchanged = _chosen(held, events.days(), span, floor)
            count = _bring(con, events, happened, chosen=chosen, held=held, tell=tell)
        except engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(Diagnostic("features-failed", f"feature_view/{definition.name} could not be read: {said}")) from error
        if span is None:
            events.complete(now)
        elif floor is not None and span.start < floor:
            events.lower(at(_day(span.start) * DAY_MICROS))
        state = events.state()
        return Done(definition.name, len(chosen), unchanged, count, state.newest, state.watermark, state.floor)


def prune(definition: Definition, where: str, origins: Origins, now: datetime) -> datetime | None:
    """Delete events that no feature needs from now on; from when on they are kept, None where nothing can be deleted.

    A feature that looks back for ever needs all. Requests are of now or later, and the newest event may be younger than the clock says: the
    earlier of the two moments decides, and a request of before is refused rather than answered from what is left.
    """
    age = needed(definition)
    with Events.open(definition, origins.root, where) as events:
        newest = events.state().newest
        if age is None or newest is None:
            return None
        before = min(now, newest) - timedelta(microseconds=age)
        events.prune(before)
        return events.state().floor


def _refuse_gap(definition: Definition, floor: datetime | None, span: Span) -> None:
    if floor is not None and span.start < floor and span.end < floor:
        message = f"events of feature_view/{definition.name} are kept from {floor:%Y-%m-%d} on, and those up to {span.end:%Y-%m-%d} would"
        message += " leave a gap"
        raise HeadraceError(Diagnostic("backfill-gap", message, help=f"write `--to {floor:%Y-%m-%d}` or later"), Exit.INVALID)


_DAY = f"({name(TIME)} - ((({name(TIME)} % {DAY_MICROS}) + {DAY_MICROS}) % {DAY_MICROS})) // {DAY_MICROS}"
"""The day of an event, also of one before 1970."""


def _told(definition: Definition) -> str:
    """What is kept of an event, as SQL."""
    return ", ".join(name(column) for column in (ENTITY, TIME, SEEN, *definition.columns))


def _days(con: duckdb.DuckDBPyConnection, definition: Definition, happened: str) -> dict[int, tuple[int, str]]:
    """The days of the source, each with the number of its events and a digest of them that no order changes."""
    told = f"SELECT {_DAY}, COUNT(*), SUM(CAST(hash({_told(definition)}) AS HUGEINT)) FROM ({happened}) GROUP BY 1"
    return {int(day): (int(count), f"{count}:{total}") for day, count, total in con.execute(told).fetchall()}


def _chosen(held: _Held, known: Mapping[int, str], span: Span | None, floor: datetime | None) -> tuple[list[int], int]:
    """The days to bring in, and how many are as they were. A day that the source holds no longer is brought in as empty."""
    days = sorted({*held, *known})
    if span is not None:
        first, last = _day(span.start), _day(span.end - timedelta(microseconds=1))
        return [day for day in days if first <= day <= last], 0
    least = _day(floor) if floor is not None else None
    kept = [day for day in days if least is None or day >= least]
    changed = [day for day in kept if (held[day][1] if day in held else "") != known.get(day, "")]
    return changed, len(kept) - len(changed)


def _day(when: datetime) -> int:
    return moment(when) // DAY_MICROS


def _bring(con: duckdb.DuckDBPyConnection, events: Events, happened: str, *, chosen: Sequence[int], held: _Held, tell: Tell | None) -> int:
    """Read the days in their order and make them durable, some at a time; how many events there are."""
    definition = events.definition
    if not chosen:
        return 0
    con.execute("CREATE TEMP TABLE chosen AS SELECT UNNEST(?::BIGINT[]) AS day", [list(chosen)])
    kept = f"SELECT {_DAY} AS __day, {_told(definition)} FROM ({happened}) WHERE {_DAY} IN (SELECT day FROM chosen) ORDER BY __day"
    con.execute(f"CREATE TEMP TABLE happened AS {kept}")
    number, done, events_done = events.begin_round(), 0, 0
    for group in _groups(chosen, held):
        told = _told(definition)
        alike = f"ROW_NUMBER() OVER (PARTITION BY {told}) - 1"
        read = con.execute(f"SELECT {alike}, {told} FROM happened WHERE __day BETWEEN ? AND ?", [group[0], group[-1]])
        days = [(day, held[day][1] if day in held else "") for day in group]
        events_done += events.replace(days, _keyed(definition, read), number)
        done += len(group)
        if tell is not None:
            tell(Progress(definition.name, done, len(chosen), events_done))
    return events_done


def _groups(chosen: Sequence[int], held: _Held) -> Iterator[list[int]]:
    """Days that are made durable together."""
    group: list[int] = []
    count = 0
    for day in chosen:
        group.append(day)
        count += held[day][0] if day in held else 0
        if count >= AT_ONCE:
            yield group
            group, count = [], 0
    if group:
        yield group


def _keyed(definition: Definition, read: duckdb.DuckDBPyConnection) -> Iterator[Keyed]:
    kinds = definition.kinds
    while rows := read.fetchmany(_FETCH):
        for occurrence, entity, time, seen, *values in rows:
            event = Event(entity, time, seen, tuple(plain(value, kind) for value, kind in zip(values, kinds, strict=True)))
            yield Keyed(event, key(event), occurrence)
