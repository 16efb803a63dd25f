"""Who was what at a time: aliases, stages and shares of the traffic, folded from the log; what is told of the past never changes again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, or_, select

from headrace.registry.version import Version, get
from headrace.store import events, tables
from headrace.store.kinds import Stage
from headrace.store.registered import StageHistory

Timed = TypeVar("Timed", tables.Event, tables.Weights)


@dataclass(frozen=True, slots=True)
class Held:
    """A version under an alias or in a stage, since when, by whom and why; `event_id` proves it from the log."""

    version: Version
    since: datetime
    actor: str
    reason: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Arm:
    """A version's share of the requests."""

    name: str
    version: Version
    weight: float


@dataclass(frozen=True, slots=True)
class Then:
    """A model as it stood at a moment: `aliases` by name, `stages` by number, and the arms that answered."""

    model: str
    at: datetime
    production: Held | None
    aliases: Mapping[str, Held]
    stages: Mapping[int, Stage]
    arms: tuple[Arm, ...]


def as_of(session: Session, model: str, at: datetime) -> Then:
    """A model as it stood at a moment, that moment included.

    Where a clock was set back, what was written then counts from the latest time that had been reached: so that no later entry changes
    an answer about the past.
    """
    aliases = {name: _by(session, model, event) for name, event in sorted(_aliases(session, model, at))}
    row = StageHistory
    query = select(row).where(row.model == model, row.valid_from <= at, or_(col(row.valid_to).is_(None), col(row.valid_to) > at))
    stays = sorted(session.exec(query), key=lambda stay: stay.number)
    production = next((stay for stay in stays if stay.stage is Stage.PRODUCTION), None)
    held = None
    if production is not None:
        version = get(session, model, production.number)
        held = Held(version, production.valid_from, production.actor, production.reason, production.event_id)
    return Then(model, at, held, aliases, {stay.number: stay.stage for stay in stays}, _arms(session, model, at))


def _until(rows: Iterable[Timed], at: datetime) -> Iterator[Timed]:
    """The rows that had been written by a moment, in the order of the log: the first one behind it ends them."""
    for row in rows:
        if row.at > at:
            return
        yield row


def _aliases(session: Session, model: str, at: datetime) -> Iterator[tuple[str, tables.Event]]:
    held: dict[str, tables.Event] = {}
    for event in _until(events.log(session, model, [events.EventKind.ALIAS_MOVED]), at):
        held[event.payload["alias"]] = event
    return ((name, event) for name, event in held.items() if event.payload["to"] is not None)


def _by(session: Session, model: str, event: tables.Event) -> Held:
    version = get(session, model, event.payload["to"])
    return Held(version, event.at, event.actor, str(event.payload.get("reason", "")), event.id)


def _arms(session: Session, model: str, at: datetime) -> tuple[Arm, ...]:
    rows = session.exec(select(tables.Weights).where(tables.Weights.model == model).order_by(col(tables.Weights.epoch)))
    epochs = list(_until(rows, at))
    arms = epochs[-1].arms if epochs else []
    return tuple(Arm(arm["name"], get(session, model, arm["version"]), arm["weight"]) for arm in arms if arm["weight"] > 0)
