"""What an apply left to be told of: where one that has not ended stands, and which models retire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.store import Store


def note(store: Store) -> str | None:
    """What to say of an apply that was cut short, or that goes on at this moment; None where there is none."""
    from sqlmodel import col, select

    from headrace.plan.state import OWED
    from headrace.store import lock
    from headrace.store.kinds import OperationStatus
    from headrace.store.tables import Operation

    with store.read() as session:
        query = select(Operation).where(Operation.status == OperationStatus.INTENT, col(Operation.action).not_in(OWED))
        row = session.exec(query.order_by(col(Operation.at).desc(), col(Operation.position).desc()).limit(1)).first()
    if row is None:
        return None
    number = f"step {row.payload['step']} of {row.payload['of']} " if "of" in row.payload else ""
    stands = f"{number}(`{row.action} {row.subject}`)"
    held = lock.held(store, "apply")
    if held is not None and not lock.dead(held):
        return f"an apply of {held.actor} goes on since {held.since:%Y-%m-%d %H:%M} UTC, and is at {stands}"
    return f"an apply of {row.at:%Y-%m-%d %H:%M} UTC stopped at {stands}; `headrace apply` resumes it"


def retiring(session: Session) -> list[tuple[str, datetime]]:
    """The models that left the files, and since when they retire."""
    from sqlmodel import col, select

    from headrace.store.tables import Resource

    query = select(Resource.address, Resource.applied).where(Resource.kind == "model").order_by(col(Resource.address))
    return [(name, datetime.fromisoformat(applied["retiring"])) for name, applied in session.exec(query) if "retiring" in applied]
