"""Where a version stands when it is judged, and what a verdict means there: what is announced, and what becomes of its alias."""

from __future__ import annotations

from enum import Enum

from sqlmodel import Session

from headrace import registry
from headrace.store import events
from headrace.store.events import EventKind
from headrace.store.tables import Event

ANNOUNCED = (EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED)
"""What opens or closes the way to a rollout."""


class Standing(Enum):
    """What has become of a version so far."""

    OPEN = "open"
    """No gate has let it through: it is new, or it was rejected."""
    CANDIDATE = "candidate"
    """It was let through, and waits for its rollout or is in it."""
    CHAMPION = "champion"
    DECIDED = "decided"
    """It was let through once, and what came after has decided about it: a gate cannot bring it back."""


def standing(session: Session, model: str, number: int) -> Standing:
    """Where a version stands, by its aliases and by what was announced of it last."""
    held = registry.aliases(session, model)
    if held.get(registry.CHAMPION) == number:
        return Standing.CHAMPION
    if held.get(registry.CANDIDATE) == number:
        return Standing.CANDIDATE
    last = last_announced(session, model, number)
    return Standing.DECIDED if last is not None and last.kind is EventKind.CANDIDATE_PASSED else Standing.OPEN


def last_announced(session: Session, model: str, number: int) -> Event | None:
    """The last time that a version was called passed or rejected."""
    return next((event for event in reversed(events.log(session, model, ANNOUNCED)) if event.payload.get("number") == number), None)


def announcement(stands: Standing, *, passed: bool) -> EventKind:
    """What is announced of a verdict: only a version whose way is open may begin a rollout, and a champion is told of, not taken down."""
    match stands, passed:
        case Standing.OPEN, True:
            return EventKind.CANDIDATE_PASSED
        case Standing.OPEN | Standing.CANDIDATE, False:
            return EventKind.CANDIDATE_REJECTED
        case _:
            return EventKind.GATES_JUDGED
