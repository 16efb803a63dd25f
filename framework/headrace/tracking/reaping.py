"""What became of runs whose process died without a word."""

from __future__ import annotations

from sqlmodel import col, select

from headrace.store import Store
from headrace.store.kinds import TrackedStatus
from headrace.store.tracked import Tracked, TrackedPoint
from headrace.tracking import book
from headrace.tracking.identity import Process


def reap(store: Store, actor: str) -> list[str]:
    """Mark runs as killed whose process died without a word, as of their last sign of life; their ids.

    Those of flows are left to Prefect's word, since another process may take them up.
    """
    with store.read() as session:
        query = select(Tracked).where(Tracked.status == TrackedStatus.RUNNING, col(Tracked.flow).is_(None), col(Tracked.pid).is_not(None))
        dead = [row for row in session.exec(query) if not Process(str(row.host), row.pid or 0, row.born or 0.0).alive]
        last = {
            row.id: session.exec(select(TrackedPoint.at).where(TrackedPoint.run_id == row.id).order_by(col(TrackedPoint.id).desc())).first()
            for row in dead
        }
    for row in dead:
        with store.transaction(actor, "end", f"run {row.id}") as session:
            book.end(session, row.id, TrackedStatus.KILLED, at=last[row.id] or row.started_at, error="its process died without a word")
    return [row.id for row in dead]
