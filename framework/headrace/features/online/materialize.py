"""From a view's source to its online events: the days that changed, each whole or not at all, so that it may end anywhere and go on.

A day is known by the number of its events and a digest of them. A day that is as it was is not touched; of one that changed, events that
are new are added, those that the source holds no longer are deleted, and those that were pushed meanwhile stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from headrace.compiled import ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.engine import Origins, column_types, engine, engine_errors, relation
from headrace.features.online.definition import Definition, define
from headrace.features.online.event import Event, Keyed, key, moment, plain
from headrace.features.online.events import DAY_MICROS, Events, needed
from headrace.features.sql import DUCKDB, ENTITY, SEEN, TIME
from headrace.features.sql.relation import events as events_of
from headrace.features.sql.word import name

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 50_000
"""After about so many events what was read is made durable."""
_FETCH = 10_000

Held = Mapping[int, tuple[int, str]]
"""By day: how many events the source has of it, and a digest of them."""
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


def definition_of(origins: Origins, views: Mapping[str, ViewConfig], view: str) -> Definition:
    """A view as events are kept for it; HeadraceError `unknown-view`."""
    if view not in views:
        known = ", ".join(sorted(views)) or "none"
        fault = Diagnostic("unknown-view", f"there is no feature_view/{view} in flows/headrace.json", help=f"it has: {known}")
        raise HeadraceError(fault, Exit.INVALID)
    return define(view, views[view], origins.sources[views[view].source])


def materialize(origins: Origins, definition: Definition, where: str, now: datetime, *, tell: Tell | None = None) -> Done:
    """Bring in the days of the source that changed since the last time; one call at a time for a definition.

    HeadraceError: those of `read_source`, of `Events.open`, and `features-failed` where the engine cannot go on.
    """
    with Events.open(definition, origins.root, where) as events:
        with reading(origins, definition) as (con, happened):
            held = days_of(con, definition, happened)
            chosen, unchanged = _chosen(held, events.days(), events.state().floor)
            count = bring(con, events, happened, chosen=chosen, held=held, tell=tell)
        events.complete(now)
        state = events.state()
        return Done(definition.name, len(chosen), unchanged, count, state.newest, state.watermark, state.floor)


@contextmanager
def reading(origins: Origins, definition: Definition) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """An engine, and the events of a view's source as a query; HeadraceError: those of `read_source`, and `features-failed`."""
    view = definition.view
    types = column_types(origins.sources[view.source])
    with engine(origins.root) as con:
        read = sorted({*definition.columns, view.entity, view.time, *([view.available_at] if view.available_at else [])})
        source = relation(con, origins, view.source, read)
        try:
            yield con, events_of(view, source, types, DUCKDB)
        except engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(Diagnostic("features-failed", f"feature_view/{definition.name} could not be read: {said}")) from error


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


_DAY = f"({name(TIME)} - ((({name(TIME)} % {DAY_MICROS}) + {DAY_MICROS}) % {DAY_MICROS})) // {DAY_MICROS}"
"""The day of an event, also of one before 1970."""


def _told(definition: Definition) -> str:
    """What is kept of an event, as SQL."""
    return ", ".join(name(column) for column in (ENTITY, TIME, SEEN, *definition.columns))


def days_of(con: duckdb.DuckDBPyConnection, definition: Definition, happened: str) -> dict[int, tuple[int, str]]:
    """The days of the source, each with the number of its events and a digest of them that no order changes."""
    told = f"SELECT {_DAY}, COUNT(*), SUM(CAST(hash({_told(definition)}) AS HUGEINT)) FROM ({happened}) GROUP BY 1"
    return {int(day): (int(count), f"{count}:{total}") for day, count, total in con.execute(told).fetchall()}


def _chosen(held: Held, known: Mapping[int, str], floor: datetime | None) -> tuple[list[int], int]:
    """The days to bring in, and how many are as they were. A day that the source holds no longer is brought in as empty."""
    least = day_of(floor) if floor is not None else None
    kept = [day for day in sorted({*held, *known}) if least is None or day >= least]
    changed = [day for day in kept if digest_of(held, day) != known.get(day, "")]
    return changed, len(kept) - len(changed)


def digest_of(held: Held, day: int) -> str:
    """What the source holds of a day; nothing of one that it does not have."""
    return held[day][1] if day in held else ""


def day_of(when: datetime) -> int:
    """The day of a moment, counted from 1970-01-01."""
    return moment(when) // DAY_MICROS


def bring(
    con: duckdb.DuckDBPyConnection,
    events: Events,
    happened: str,
    *,
    chosen: Sequence[int],
    held: Held,
    tell: Tell | None = None,
    again: bool = False,
) -> int:
    """Read the days in their order and make them durable, some at a time; how many events there are.

    With `again` each is marked as brought in by a backfill that has not ended.
    """
    definition = events.definition
    if not chosen:
        return 0
    con.execute("CREATE TEMP TABLE chosen AS SELECT UNNEST(?::BIGINT[]) AS day", [list(chosen)])
    kept = f"SELECT {_DAY} AS __day, {_told(definition)} FROM ({happened}) WHERE {_DAY} IN (SELECT day FROM chosen) ORDER BY __day"
    con.execute(f"CREATE TEMP TABLE happened AS {kept}")
    number, done, events_done = events.begin_round(), 0, 0
    for group, count in _groups(chosen, held):
        told = _told(definition)
        alike = f"ROW_NUMBER() OVER (PARTITION BY {told}) - 1"
        read = con.execute(f"SELECT {alike}, {told} FROM happened WHERE __day BETWEEN ? AND ?", [group[0], group[-1]])
        days = [(day, digest_of(held, day)) for day in group]
        rows = _keyed(definition, read)
        # Read before the file is locked, where that is no heap of memory: others write meanwhile.
        events_done += events.replace(days, list(rows) if count <= 2 * AT_ONCE else rows, number, again=again)
        done += len(group)
        if tell is not None:
            tell(Progress(definition.name, done, len(chosen), events_done))
    return events_done


def _groups(chosen: Sequence[int], held: Held) -> Iterator[tuple[list[int], int]]:
    """Days that are made durable together, and how many events they have."""
    group: list[int] = []
    count = 0
    for day in chosen:
        group.append(day)
        count += held[day][0] if day in held else 0
        if count >= AT_ONCE:
            yield group, count
            group, count = [], 0
    if group:
        yield group, count


def _keyed(definition: Definition, read: duckdb.DuckDBPyConnection) -> Iterator[Keyed]:
    kinds = definition.kinds
    while rows := read.fetchmany(_FETCH):
        for occurrence, entity, time, seen, *values in rows:
            event = Event(entity, time, seen, tuple(plain(value, kind) for value, kind in zip(values, kinds, strict=True)))
            yield Keyed(event, key(event), occurrence)
