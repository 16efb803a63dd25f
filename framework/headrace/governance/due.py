"""What a request's log says, and what time brings about for it: a reminder, and an alarm where a review is overdue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from headrace.compiled.governance import PolicyConfig
from headrace.governance import messages
from headrace.store import EventKind, events
from headrace.store.approved import ApprovalRequest
from headrace.store.kinds import ApprovalStatus

LOG = logging.getLogger("headrace.governance")


def tell(
    session: Session,
    kind: EventKind,
    row: ApprovalRequest,
    now: datetime,
    cause: str | None,
    *,
    successor: str | None = None,
    **more: object,
) -> None:
    """Write down what happened to a request."""
    payload = {"request": row.id, "number": row.number, "environment": row.environment, "on": row.occasion, "digests": row.digests, **more}
    session.flush()
    events.append(session, model=row.model, kind=kind, payload=payload, at=now, cause=cause, successor=successor)


def alarm(session: Session, row: ApprovalRequest, policies: Sequence[PolicyConfig], now: datetime) -> bool:
    """Say, once, that a policy was passed over and nobody looked at it in time; whether it was said now."""
    if not late(row, now):
        return False
    row.overdue_at = now
    session.add(row)
    LOG.error("break-glass: nobody looked at %s, which went on without approval, by %s", messages.what(row), row.glass["review_by"])  # type: ignore[index]
    told = {
        "fingerprint": messages.fingerprint(row, messages.REVIEW),
        "alert": messages.REVIEW,
        "rule": messages.REVIEW,
        "status": "firing",
        "severity": "critical",
        "break_glass": row.glass,
    }
    tell(session, EventKind.ALERT_FIRED, row, now, None, successor=None, **told)
    messages.overdue(session, row, policies, now)
    return True


def late(row: ApprovalRequest, now: datetime) -> bool:
    """Whether a policy was passed over, the votes were not given by when they should be, and that was not yet said."""
    return row.glass is not None and row.overdue_at is None and now > datetime.fromisoformat(row.glass["review_by"])


def unreviewed(row: ApprovalRequest) -> bool:
    """Whether it went on without approval, and the votes were never given."""
    return row.overdue_at is not None and not (row.status is ApprovalStatus.APPROVED and row.glass is None)


def reminds(row: ApprovalRequest, now: datetime) -> bool:
    """Whether those who may vote are to be told that a request lapses: once, when a quarter of its time is left."""
    if row.status is not ApprovalStatus.OPEN or row.deadline is None or row.reminded_at is not None:
        return False
    return row.deadline - (row.deadline - row.requested_at) / 4 <= now <= row.deadline
