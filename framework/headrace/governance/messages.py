"""What people are told of a request: that it waits, that it soon lapses, what came of it, that its policy was passed over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from headrace import notify
from headrace.compiled.governance import PolicyConfig
from headrace.governance.values import Facts
from headrace.governance.voters import voters
from headrace.hooks import Message
from headrace.store import clock
from headrace.store.approved import ApprovalRequest

Severity = Literal["info", "warning", "critical"]
WAITS = "approval.waits"
"""The alert that fires while a request waits."""
REVIEW = "approval.review"
"""The alert that fires from when a policy was passed over until the votes are given."""


def opened(session: Session, row: ApprovalRequest, policies: Iterable[PolicyConfig], known: Facts, reason: str) -> None:
    """That a request waits: what it is, why, who may vote, until when, and what to type."""
    _put(session, row, policies, known.now, WAITS, "firing", "info", "waits for approval", _asked(row, policies, known, reason))


def reminded(session: Session, row: ApprovalRequest, policies: Iterable[PolicyConfig], known: Facts, reason: str) -> None:
    """That a request lapses soon."""
    said = f"lapses at {_at(row.deadline)}, and waits for approval"
    _put(session, row, policies, known.now, WAITS, "firing", "warning", said, _asked(row, policies, known, reason))


def decided(session: Session, row: ApprovalRequest, policies: Iterable[PolicyConfig], now: datetime) -> None:
    """What came of a request; where a policy was passed over, until when, and by when that must be looked at."""
    if row.glass is not None:
        said = f"goes on without approval until {row.glass['until'][:16]}"
        by = f"{', '.join(row.glass['by'])} passed the policy over. It must be looked at by {row.glass['review_by'][:16]}, by votes:"
        _put(session, row, policies, now, REVIEW, "firing", "critical", said, [by, _command(row)])
        return
    said = {"approved": "is approved", "rejected": "is rejected", "lapsed": "was not approved in time"}[row.status.value]
    severity: Severity = "info" if row.status.value == "approved" else "warning"
    _put(session, row, policies, now, WAITS, "resolved", severity, said, [row.reason] if row.reason else [])
    if row.overdue_at is not None and row.status.value == "approved":
        _put(session, row, policies, now, REVIEW, "resolved", "info", "was looked at, late", [])


def overdue(session: Session, row: ApprovalRequest, policies: Iterable[PolicyConfig], now: datetime) -> None:
    """That a policy was passed over, and nobody looked at it in time."""
    glass = row.glass or {}
    by = f"{', '.join(glass.get('by', ()))} passed the policy over, and nobody looked at it by {str(glass.get('review_by'))[:16]}"
    _put(session, row, policies, now, REVIEW, "firing", "critical", "goes on without approval, and its review is overdue", [by])


def what(row: ApprovalRequest) -> str:
    """What a request is of, in words."""
    return f"version {row.number} of model/{row.model}" if row.number is not None else f"a plan that touches model/{row.model}"


def fingerprint(row: ApprovalRequest, alert: str) -> str:
    """By what the messages of one alert of a request are told from all others."""
    return f"{alert}:{row.id}"


def _put(  # noqa: PLR0917 - what a message is made of
    session: Session,
    row: ApprovalRequest,
    policies: Iterable[PolicyConfig],
    now: datetime,
    alert: str,
    status: Literal["firing", "resolved"],
    severity: Severity,
    said: str,
    lines: list[str],
) -> None:
    channels = dict.fromkeys(channel for policy in policies for channel in policy.notify)
    if not channels:
        return
    details = {
        "request": row.id,
        "subject": row.subject,
        "environment": row.environment,
        "on": row.occasion,
        "number": row.number,
        "digests": row.digests,
        "status": row.status.value,
        "deadline": None if row.deadline is None else row.deadline.isoformat(),
        "break_glass": row.glass,
        "command": _command(row),
        "notify": list(channels),
    }
    message = Message(
        fingerprint=fingerprint(row, alert),
        model=row.model,
        alert=alert,
        severity=severity,
        status=status,
        title=f"{what(row)} {said} ({row.environment})",
        text="\n".join(lines),
        details=details,
        at=now,
    )
    notify.put(session, message, channels, clock.wall())


def _asked(row: ApprovalRequest, policies: Iterable[PolicyConfig], known: Facts, reason: str) -> list[str]:
    may = [member.principal for member in voters(policies, known, clock.wall()) if member.why_not is None]
    lapses = [] if row.deadline is None else [f"lapses: {_at(row.deadline)}"]
    return [reason, f"may vote: {', '.join(may) or 'nobody'}", *lapses, _command(row)]


def _command(row: ApprovalRequest) -> str:
    return f'headrace approve --request {row.id} --reason "what you looked at"'


def _at(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()[:16]
