"""When a flow of a model should next run, in the clock's time; one row a model and flow."""

from __future__ import annotations

import builtins
from datetime import datetime

from sqlmodel import Session, col, select

from headrace.store.tables import Due

__all__ = ["Due", "drop", "list", "put"]


def put(session: Session, model: str, flow: str, at: datetime, reason: str) -> None:
    """Say when a flow should next run; what was said before is replaced."""
    session.merge(Due(model=model, flow=flow, at=at, reason=reason))
    session.flush()


def drop(session: Session, model: str, flow: str) -> None:
    """Forget when a flow should next run, if anything was said."""
    found = session.get(Due, (model, flow))
    if found is not None:
        session.delete(found)
        session.flush()


def list(session: Session, by: datetime | None = None) -> builtins.list[Due]:  # noqa: A001 - reads as `due.list`
    """What is due, soonest first; only what is due by then, where a moment is given."""
    query = select(Due).order_by(col(Due.at), col(Due.model), col(Due.flow))
    if by is not None:
        query = query.where(col(Due.at) <= by)
    return builtins.list(session.exec(query))
