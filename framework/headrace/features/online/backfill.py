"""Days of a view brought in again, whatever was read of them before: in parts that many may do at once, in any order, and twice.

Each day that was done bears a mark until all are, so a backfill that was ended goes on where it was. Until then what was deleted once
counts as deleted: a value that needs one of the days which are missing yet is refused, in whatever order the parts end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.engine import Origins
from headrace.features.online.definition import Definition
from headrace.features.online.event import at
from headrace.features.online.events import DAY_MICROS, Events
from headrace.features.online.materialize import AT_ONCE, Done, Held, Tell, bring, day_of, days_of, digest_of, reading
from headrace.features.sql import TIME
from headrace.features.sql.word import name


@dataclass(frozen=True, slots=True)
class Span:
    """Moments from one to another, the end not in it; the days that hold them are meant."""

    start: datetime
    end: datetime

    @property
    def days(self) -> tuple[int, int]:
        """The first and the last of them."""
        return day_of(self.start), day_of(self.end - timedelta(microseconds=1))


@dataclass(frozen=True, slots=True)
class Part:
    """Days from one to another, both in it, as numbers from 1970-01-01; how many are to be brought in, and their events."""

    first: int
    last: int
    days: int
    events: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be brought in; `before` are days that a backfill which did not end has brought in already."""

    parts: tuple[Part, ...]
    before: int

    @property
    def days(self) -> int:
        """How many are to be brought in."""
        return sum(part.days for part in self.parts)


def planned(origins: Origins, definition: Definition, where: str, span: Span, *, pieces: int = 1) -> Planned:
    """The days of a span, dealt into so many pieces of about as many events; fewer where there are few.

    HeadraceError: those of `read_source` and of `Events.open`, and `backfill-gap` for a span that would leave a hole between it and what
    was kept.
    """
    with Events.open(definition, origins.root, where) as events:
        _refuse_gap(definition, events.state().floor, span)
        with reading(origins, definition) as (con, ever):
            held = days_of(con, definition, _of_days(ever, *span.days))
        known, marked = events.days(), events.marked()
    first, last = span.days
    chosen = [day for day in sorted({*held, *known}) if first <= day <= last]
    # A mark of what has been deleted or changed since says nothing.
    left = [day for day in chosen if not (day in marked and known.get(day) == digest_of(held, day))]
    return Planned(tuple(_parts(left, held, pieces)), len(chosen) - len(left))


def bring_again(origins: Origins, definition: Definition, where: str, first: int, last: int, *, tell: Tell | None = None) -> int:
    """Bring in the days from one to another, both in it; how many events they have. HeadraceError: those of `planned`."""
    with Events.open(definition, origins.root, where) as events, reading(origins, definition) as (con, ever):
        happened = _of_days(ever, first, last)
        held = days_of(con, definition, happened)
        chosen = [day for day in sorted({*held, *events.days()}) if first <= day <= last]
        return bring(con, events, happened, chosen=chosen, held=held, tell=tell, again=True)


def finish(origins: Origins, definition: Definition, where: str, span: Span, *, plan: Planned, brought: Sequence[int]) -> Done:
    """Say that all parts were brought in; `brought` are their events."""
    with Events.open(definition, origins.root, where) as events:
        floor = events.state().floor
        first, last = span.days
        events.unmark(first, last, floor=at(first * DAY_MICROS) if floor is not None and span.start < floor else None)
        state = events.state()
        return Done(definition.name, plan.days, plan.before, sum(brought), state.newest, state.watermark, state.floor)


def backfill(origins: Origins, definition: Definition, where: str, span: Span, *, tell: Tell | None = None) -> Done:
    """All of a span, by this process; HeadraceError: those of `planned`."""
    plan = planned(origins, definition, where, span)
    brought = [bring_again(origins, definition, where, part.first, part.last, tell=tell) for part in plan.parts]
    return finish(origins, definition, where, span, plan=plan, brought=brought)


def done(definition: Definition, origins: Origins, where: str, span: Span) -> int:
    """How many days of a span a backfill that runs has brought in so far."""
    first, last = span.days
    events = Events.find(definition, origins.root, where)
    if events is None:
        return 0
    with events:
        return sum(first <= day <= last for day in events.marked())


def _of_days(happened: str, first: int, last: int) -> str:
    time = name(TIME)
    bounds = f"{time} >= {first * DAY_MICROS} AND {time} < {(last + 1) * DAY_MICROS}"
    return f"SELECT * FROM ({happened}) WHERE {bounds}"


def _parts(days: Sequence[int], held: Held, pieces: int) -> Iterator[Part]:
    """Days one after another; a part has as many events as are made durable at once, or more."""
    counts = [held[day][0] if day in held else 0 for day in days]
    enough = max(AT_ONCE, -(-sum(counts) // pieces)) if pieces > 1 else float("inf")
    begun, events = 0, 0
    for place, count in enumerate(counts):
        events += count
        if events >= enough or place + 1 == len(days):
            yield Part(days[begun], days[place], place + 1 - begun, events)
            begun, events = place + 1, 0


def _refuse_gap(definition: Definition, floor: datetime | None, span: Span) -> None:
    if floor is not None and span.start < floor and span.end < floor:
        message = f"events of feature_view/{definition.name} are kept from {floor:%Y-%m-%d} on, and those up to {span.end:%Y-%m-%d} would"
        message += " leave a gap"
        raise HeadraceError(Diagnostic("backfill-gap", message, help=f"write `--to {floor:%Y-%m-%d}` or later"), Exit.INVALID)
