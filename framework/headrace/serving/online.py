"""Features that a request does not send, read as of its moment from the events that are kept for it; and events that are pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from headrace.compiled import OnlineConfig, ServingConfig
from headrace.diagnostics import HeadraceError
from headrace.features import online
from headrace.features.joined import of_views
from headrace.serving.breaker import Breaker, Pauses
from headrace.serving.line import Line, OpenCircuit
from headrace.serving.problem import Fault, Refused
from headrace.serving.schema import ABSENT, EventsSchema, Row
from headrace.serving.workspace import Workspace

FRESHNESS: dict[str, Any] = {
    "type": "object",
    "description": "how young the events are that features were read from, by view; only where some were read",
    "additionalProperties": {
        "type": "object",
        "required": ["newest_event", "age_seconds", "watermark", "stale"],
        "properties": {
            "newest_event": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "the time of the newest event of any entity",
            },
            "age_seconds": {"type": ["number", "null"], "minimum": 0, "description": "how long before the request that was"},
            "watermark": {"type": ["string", "null"], "format": "date-time", "description": "when the source was last brought in whole"},
            "stale": {"type": "boolean", "description": "whether that is older than the view allows"},
        },
    },
}
"""The JSON Schema of what an answer says of them."""

T = TypeVar("T")
PAUSES = Pauses(failures=1, first=0.5, longest=10.0)
"""A database that cannot be reached is tried again by a probe of its own: no request waits for it."""
READ_PATIENCE, PUSH_PATIENCE = 1.0, 5.0
"""Seconds that a request waits for features that it does not send, and for events to be durable."""
LOOK = 0.1
"""Seconds between two looks at whether a probe is due."""
DATA = ("features-failed", "online-pruned")
"""What is wrong with what was asked, rather than with what is asked."""
Freshness = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A row with the features that were read, and how young what they were read from is."""

    row: Row
    freshness: Freshness


class Online:
    """The views that a model's server reads; used by the event loop alone."""

    def __init__(self, config: ServingConfig, workspace: Workspace) -> None:
        self._entity = config.entity
        self.views: dict[str, View] = {}
        for name, computed in of_views(config.inputs).items():
            view = workspace.views.get(name)
            inputs = [word for word in computed if word != config.unit_input]  # arms are assigned by what the caller says
            if view is not None and view.online is not None and inputs:
                definition = online.define(name, view, workspace.sources[view.source])
                place = Place(workspace.root, workspace.online)
                self.views[name] = View(definition, view.online, inputs, place=place, most=config.max_rows)

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs that a request need not send."""
        return frozenset(name for view in self.views.values() for name in view.inputs)

    async def fill(self, rows: Sequence[Row], at: datetime, path: str = "") -> list[Filled]:
        """Rows with what they do not send, as of a moment; `path` says where a row stands in the body, with `{}` for its number.

        Refused (422) for a row that sends some of a view's features where it may not, (503) where they cannot be read.
        """
        filled = [Filled(row, {}) for row in rows]
        for view in self.views.values():
            lacking = [view.lacking(row, path.format(number)) for number, row in enumerate(rows)]
            asked = [number for number, names in enumerate(lacking) if names]
            found = await view.read([rows[number].entity for number in asked], at) if asked else []
            for number, known in zip(asked, found, strict=True):
                fresh = filled[number].freshness | {view.name: view.freshness(known.state, at)}
                filled[number] = Filled(self._with(filled[number].row, lacking[number], known), fresh)
        return filled

    def _with(self, row: Row, lacking: Sequence[str], known: online.Known) -> Row:
        unseen = row.unseen if known.seen or self._entity in row.unseen else (*row.unseen, self._entity)
        return row._replace(inputs=row.inputs | {name: known.values[name] for name in lacking}, unseen=unseen)

    async def check(self) -> str | None:
        """Why features cannot be read now; None where they can."""
        for view in self.views.values():
            try:
                await view.state()
            except Refused as refused:
                return refused.detail
        return None

    async def close(self) -> None:
        """Give all connections back."""
        for view in self.views.values():
            await view.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Where events are kept: a folder under the root, a URL, or a reference to one."""

    root: Path
    where: str

    def find(self, definition: online.Definition) -> online.Events | None:
        """To read."""
        return online.Events.find(definition, self.root, online.location(self.root, self.where))

    def open(self, definition: online.Definition) -> online.Events:
        """To append."""
        return online.Events.open(definition, self.root, online.location(self.root, self.where))


class View:
    """One view's events, opened when they are first asked for."""

    def __init__(self, definition: online.Definition, config: OnlineConfig, inputs: Sequence[str], *, place: Place, most: int) -> None:
        self.name = definition.name
        self.inputs = tuple(inputs)
        self.schema = EventsSchema(definition, most)
        self._definition = definition
        self._config = config
        self._plan = online.plan(definition, inputs)
        self._place = place
        self.circuit = Breaker(f"the events of feature_view/{definition.name}", PAUSES)
        self._reader = Line(lambda: place.find(definition), self.circuit, READ_PATIENCE)
        self._writer = Line(lambda: place.open(definition), self.circuit, PUSH_PATIENCE)
        self._probing: asyncio.Task[None] | None = None

    def lacking(self, row: Row, path: str) -> list[str]:
        """The features that a row does not send; Refused (422) where it sends others and may not."""
        found = [name for name in self.inputs if row.inputs[name] is ABSENT]
        if found and len(found) < len(self.inputs) and self._config.sent == "refuse":
            faults = [
                Fault(f"{path}{name}", f"is required, since other features of {self.name} are sent: send all or none") for name in found
            ]
            message = f"`{faults[0].field}` {faults[0].message}" + (f", and {len(faults) - 1} more" if len(faults) > 1 else "")
            raise Refused(422, "mixed-features", message, faults)
        return found

    async def read(self, entities: Sequence[str], at: datetime) -> list[online.Known]:
        """What is known of entities at a moment; Refused (503) where it cannot be told, or is too old."""

        def work(events: online.Events | None) -> list[online.Known]:
            there = self._there(events)
            return [there.read(self._plan, entity, at) for entity in entities]

        # A file answers sooner than a thread begins; a batch would hold up the others.
        found = await self._guarded(self._reader, work, "features-unreadable", aside=len(entities) > 1 or online.remote(self._place.where))
        state = found[0].state
        self._ready(state)
        fresh = self.freshness(state, at)
        if fresh["stale"] and self._config.when_stale == "refuse":
            said = "it has none" if state.newest is None else f"the newest is of {state.newest:%Y-%m-%d %H:%M:%S}"
            within = timedelta(seconds=self._config.fresh_within_seconds or 0)
            raise Refused(503, "features-stale", f"feature_view/{self.name} allows events {within} old, and {said}")
        return found

    async def state(self) -> online.State:
        """What is known of the events as a whole; Refused (503) where they cannot be read."""
        found = await self._guarded(self._reader, lambda events: self._there(events).state(), "features-unreadable")
        self._ready(found)
        return found

    async def push(self, events: Sequence[online.Event]) -> int:
        """Append events; how many were new, once they are durable. Refused (503) where they cannot be written."""
        return await self._guarded(self._writer, lambda kept: self._there(kept).push(events), "events-unwritable")

    def freshness(self, state: online.State, at: datetime) -> dict[str, Any]:
        """What an answer says of the events as a whole."""
        age = None if state.newest is None else max((at - state.newest).total_seconds(), 0.0)
        within = self._config.fresh_within_seconds
        return {
            "newest_event": None if state.newest is None else state.newest.isoformat(),
            "age_seconds": age,
            "watermark": None if state.watermark is None else state.watermark.isoformat(),
            "stale": within is not None and (age is None or age > within),
        }

    async def close(self) -> None:
        """Give the connections back."""
        if self._probing is not None:
            self._probing.cancel()
        await self._reader.close()
        await self._writer.close()

    def _there(self, events: online.Events | None) -> online.Events:
        if events is None:
            raise self._nothing()
        return events

    def _nothing(self) -> Refused:
        message = f"the events of feature_view/{self.name} were not brought in yet: `headrace features materialize {self.name}`"
        return Refused(503, "features-not-ready", message)

    def _ready(self, state: online.State) -> None:
        # What is there may be a part: a value of it would be wrong, and nobody would know.
        if state.watermark is None:
            raise self._nothing()

    async def _guarded(self, line: Line, work: Callable[[online.Events | None], T], refusal: str, *, aside: bool = True) -> T:
        """What the work says; Refused (503) where the events cannot be reached, at once while that is known."""
        try:
            return await line.use(work, aside=aside)
        except OpenCircuit as error:
            raise Refused(503, refusal, f"the events of feature_view/{self.name} could not be reached just now: {error}") from error
        except TimeoutError as error:
            self._failed("no answer in time", hung=True)
            raise Refused(503, refusal, f"the events of feature_view/{self.name} gave no answer in time") from error
        except HeadraceError as error:
            if not any(item.id in DATA for item in error.report):
                line.drop()
            if any(item.id == "online-unreachable" for item in error.report):
                self._failed(_said(error))
            raise Refused(503, refusal, _said(error)) from error

    def _failed(self, reason: str, *, hung: bool = False) -> None:
        if self.circuit.failed(reason, hung=hung) and (self._probing is None or self._probing.done()):
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Ask again, each time after a longer pause, until it answers."""
        while not self.circuit.closed:
            await asyncio.sleep(LOOK)
            if not self.circuit.allows():
                continue
            try:
                await self._reader.use(lambda events: None if events is None else events.state(), aside=True, probe=True)
            except TimeoutError:
                self.circuit.failed("no answer in time", hung=True)
            except Exception as error:  # noqa: BLE001 - a probe that ended would leave the circuit open for ever
                self._reader.drop()
                self.circuit.failed(_said(error) if isinstance(error, HeadraceError) else str(error))
            else:
                self.circuit.succeeded()


def _said(error: HeadraceError) -> str:
    return "; ".join(item.message for item in error.report)


def events_of(view: View, body: bytes, at: datetime) -> tuple[list[online.Event], int, int]:
    """The events of a body that count, how many came too late to count, and how many there are; Refused (422) where they do not fit."""
    definition, rows = view.schema.definition, view.schema.read(body)
    told = [online.event(definition, row, online.moment(at)) for row in rows]
    kept = [item for item in told if item is not None]
    return kept, len(told) - len(kept), len(told)
