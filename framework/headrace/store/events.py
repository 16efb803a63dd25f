"""The log of what happened to a model: adding to it, reading it, and what in it has not been answered yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from headrace.store import clock
from headrace.store.columns import new_id
from headrace.store.kinds import EventKind, Successor
from headrace.store.tables import Event

__all__ = ["EventKind", "Successor", "append", "log", "unanswered"]


def append(
    session: Session,
    *,
    model: str,
    kind: EventKind,
    payload: dict[str, Any],
    at: datetime,
    cause: str | None = None,
    successor: str | None = None,
    id: str | None = None,  # noqa: A002 - the column's name
) -> Event:
    """Add one event, within a `Store.transaction`; the actor is the transaction's.

    `at` is the clock's time of what happened. `successor` names the flow that this event starts: train, roll_out or monitor.
    The returned row has its `seq`; within a model, a later `seq` was committed later.
    """
    event = Event(
        id=id or new_id(),
        model=model,
        kind=EventKind(kind),
        payload=payload,
        actor=session.info["actor"],
        at=at,
        recorded_at=clock.wall(),
        cause=cause,
        successor=None if successor is None else Successor(successor),
    )
    session.add(event)
    session.flush()
    return event


def log(session: Session, model: str, kinds: Collection[EventKind] | None = None, after: int = 0) -> list[Event]:
    """The events of a model after a `seq`, oldest first; of these kinds alone, where they are given."""
    query = select(Event).where(Event.model == model, col(Event.seq) > after).order_by(col(Event.seq))
    if kinds is not None:
        query = query.where(col(Event.kind).in_(kinds))
    return list(session.exec(query))


def unanswered(session: Session, model: str) -> list[Event]:
    """The events that should start a flow and have not: no run.started names them as its cause. Oldest first."""
    answered = select(Event.cause).where(Event.model == model, Event.kind == EventKind.RUN_STARTED, col(Event.cause).is_not(None))
    query = (
        select(Event)
        .where(Event.model == model, col(Event.successor).is_not(None), col(Event.id).not_in(answered))
        .order_by(col(Event.seq))
    )
    return list(session.exec(query))
