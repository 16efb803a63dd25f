"""The events of one view: appended durably and once each, read for an entity at a moment, forgotten where nothing needs them."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.online.aggregate import Answer, BeyondNumbersError, Computing, Row, computing
from headrace.features.online.database import Database, open_database
from headrace.features.online.definition import Definition
from headrace.features.online.event import Entity, Event, Keyed, at, entity_of, keyed, moment
from headrace.features.sql.relation import oldest
from headrace.features.sql.values import closure

DAY_MICROS = 86_400_000_000
"""Microseconds of a day; events are brought in by days."""
PUSHED = 0
"""The round of events that no source held yet."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the events as a whole."""

    newest: datetime | None
    """The time of the newest event."""
    watermark: datetime | None
    """Up to which moment the source was brought in whole; None where it never was."""
    floor: datetime | None
    """Older events were deleted; None where none were."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an entity at a moment."""

    values: dict[str, Answer]
    seen: bool
    """Whether any event of the entity could be read."""
    state: State


class Events:
    """The events of one definition, for one thread at a time; a context manager."""

    def __init__(self, definition: Definition, database: Database) -> None:
        self.definition = definition
        self._database = database
        self._said = database.said

    @classmethod
    def open(cls, definition: Definition, root: Path, where: str) -> Events:
        """To append and to read; made where they are not there. HeadraceError: those of `open_database`."""
        database = open_database(definition, root, where, write=True)
        if database is None:
            raise AssertionError(where)
        return cls(definition, database)

    @classmethod
    def find(cls, definition: Definition, root: Path, where: str) -> Events | None:
        """To read; None where nothing was kept yet. HeadraceError: those of `open_database`."""
        database = open_database(definition, root, where, write=False)
        return None if database is None else cls(definition, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._database.close()

    def cut(self) -> None:
        """End what another thread is waiting for, which fails there; nothing more is said over this connection."""
        self._database.cut()

    def push(self, found: Iterable[Event]) -> int:
        """Append events that were told together; how many were new. They are durable when it returns.

        Events that are alike are several of a kind within one call, and the same again in another.
        """
        items = list(found)
        if not items:
            return 0
        with self._database.writing():
            added = self._database.many(self._said.insert, (_row(item, PUSHED) for item in keyed(items)))
            self._advance(item.time for item in items)
        return added

    def begin_round(self) -> int:
        """The number of a new round of bringing in the source, above that of every other."""
        with self._database.writing():
            self._database.rows(self._said.begin_round)
            ((number,),) = self._database.rows(self._said.round)
        return int(number)

    def replace(self, days: Sequence[tuple[int, str]], found: Iterable[Keyed], number: int, *, again: bool = False) -> int:
        """All events that the source holds of some days, each with the digest of what was read, in place of those that it held before.

        `number` is the round; with `again` the days are marked. How many there are. All of it, or nothing.
        """
        times: list[int] = []

        def rows() -> Iterator[Sequence[Any]]:
            for item in found:
                times.append(item.event.time)
                yield _row(item, number)

        with self._database.writing():
            self._database.many(self._said.take, rows())
            self._database.many(self._said.drop, [(day * DAY_MICROS, (day + 1) * DAY_MICROS, number) for day, _ in days])
            self._database.many(self._said.day, days)
            if again:
                self._database.many(self._said.mark, [(day,) for day, _ in days])
            self._advance(times)
        return len(times)

    def days(self) -> dict[int, str]:
        """The days that were brought in whole, with the digests of what was read."""
        return {int(day): str(digest) for day, digest in self._database.rows(self._said.days)}

    def marked(self) -> set[int]:
        """The days that a backfill which has not ended brought in."""
        return {int(day) for (day,) in self._database.rows(self._said.marked)}

    def unmark(self, first: int, last: int, *, floor: datetime | None) -> None:
        """Say that a backfill of some days has ended, and with `floor` that events from then on are there again."""
        with self._database.writing():
            self._database.rows(self._said.unmark, (first, last))
            if floor is not None:
                self._database.rows(self._said.floor, (moment(floor),))

    def complete(self, watermark: datetime) -> None:
        """Say that the source was brought in whole, as of a moment."""
        with self._database.writing():
            self._database.rows(self._said.complete, (moment(watermark),))

    def state(self) -> State:
        """What is known of the events as a whole."""
        ((newest, watermark, floor),) = self._database.rows(self._said.state)
        return State(*(None if value is None else at(value) for value in (newest, watermark, floor)))

    def recent(self, most: int) -> list[tuple[Entity, datetime]]:
        """Whose the newest events are, and their times."""
        return [(entity, at(time)) for entity, time in self._database.rows(self._said.recent, (most,))]

    def prune(self, before: datetime) -> None:
        """Delete all that is older than the day of a moment, and remember it."""
        day = moment(before) // DAY_MICROS
        with self._database.writing():
            self._database.rows(self._said.prune, (day * DAY_MICROS,))
            self._database.rows(self._said.forget, (day,))
            self._database.rows(self._said.floor, (day * DAY_MICROS,))

    def read(self, plan: Computing, entity: Entity, now: datetime) -> Known:
        """The features of an entity at a moment.

        HeadraceError: `features-failed` where a value is infinite, `online-pruned` where events that count were deleted.
        """
        here = moment(now)
        with self._database.reading():
            state = self.state()
            kept = entity_of(self.definition, entity)
            self._refuse_pruned(plan, state, here)
            reach = plan.reach if plan.reach is not None else 0
            rows = self._database.rows(self._said.near, (kept, here - reach, here, here)) if kept is not None else []
            older = _Older(self._database, kept, here - reach, here)
            with closing(older):
                try:
                    values = plan.values(rows, here, older)
                except BeyondNumbersError as word:
                    message = (
                        f"feature_view/{self.definition.name}: `{word}` of {entity} at {now:%Y-%m-%d %H:%M} is beyond what a number holds"
                    )
                    raise HeadraceError(Diagnostic("features-failed", message, help="look for the values in its source")) from None
                seen = bool(rows) or (kept is not None and next(older(), None) is not None)
        return Known(values, seen, state)

    def _refuse_pruned(self, plan: Computing, state: State, here: int) -> None:
        if state.floor is None:
            return
        floor = moment(state.floor)
        if plan.endless or here - (plan.reach or 0) < floor:
            message = f"events of feature_view/{self.definition.name} before {state.floor:%Y-%m-%d} were deleted, and a value at "
            message += f"{at(here):%Y-%m-%d %H:%M} needs them"
            help_ = f"bring them back: `headrace features backfill {self.definition.name} --from …`"
            raise HeadraceError(Diagnostic("online-pruned", message, help=help_), Exit.REFUSED)

    def _advance(self, times: Iterable[int]) -> None:
        newest = max(times, default=None)
        if newest is not None:
            self._database.rows(self._said.advance, (newest, newest))


class _Older:
    """Events before a moment, the newest first; asked for as often as one likes, read once."""

    def __init__(self, database: Database, entity: Entity | None, before: int, now: int) -> None:
        self._asked = (entity, before, now)
        self._database = database
        self._read: list[Row] = []
        self._more: Generator[Row, None, None] | None = None

    def __call__(self) -> Iterator[Row]:
        if self._asked[0] is None:
            return
        if self._more is None:
            self._more = self._database.stream(self._database.said.far, self._asked)
        place = 0
        while True:
            if place == len(self._read):
                row = next(self._more, None)
                if row is None:
                    return
                self._read.append(row)
            yield self._read[place]
            place += 1

    def close(self) -> None:
        """Look no further."""
        if self._more is not None:
            self._more.close()


def plan(definition: Definition, wanted: Collection[str]) -> Computing:
    """How the wanted features of a view are computed, to be made once for many reads."""
    return computing(definition, wanted)


def needed(definition: Definition) -> int | None:
    """How old an event may be, in microseconds, and still count for a feature of the view; None where one looks back for ever."""
    view = definition.view
    words = [word for word in closure(view, view.features) if view.features[word].kind != "expression"]
    ages = [oldest(view, view.features[word]) for word in words]
    return None if None in ages else max((age for age in ages if age is not None), default=0)


def _row(item: Keyed, number: int) -> tuple[Any, ...]:
    event = item.event
    return (event.entity, event.time, event.seen, item.key, item.occurrence, number, *event.values)
