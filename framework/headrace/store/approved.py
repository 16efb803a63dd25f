"""The tables of approvals: what was asked for, bound to what it was by digests, and who voted on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint

from headrace.store.columns import identifier, json, moment, word
from headrace.store.kinds import ApprovalStatus, VoteChoice
from headrace.store.tables import Row

__all__ = ["ApprovalRequest", "ApprovalVote"]


class ApprovalRequest(Row, table=True):
    """One thing that was asked for. `subject` is the digest of `digests`: what was changed is another subject, with its own request."""

    __tablename__ = "approval_request"
    __table_args__ = (
        UniqueConstraint("model", "environment", "occasion", "subject", "attempt"),
        Index(None, "model", "number"),
        Index(None, "status"),
    )
    id: str = identifier()
    model: str
    environment: str
    occasion: str
    """`promote` or `deploy`."""
    number: int | None = None
    subject: str
    attempt: int
    digests: dict[str, Any] = json()
    """Of a version: artifact, card, evaluation and policy. Of a plan: plan and policy."""
    policies: list[Any] = json()
    """The policies as they were when it was asked for."""
    requesters: list[str] = json()
    status: ApprovalStatus = word(ApprovalStatus, "status", default=ApprovalStatus.OPEN)
    reason: str = ""
    """Why it stands as it does."""
    requested_at: datetime = moment()
    deadline: datetime | None = moment(optional=True)
    seen_at: datetime = moment()
    """The latest time at which it was looked at: a clock that goes back brings no deadline back."""
    decided_at: datetime | None = moment(optional=True)
    glass: dict[str, Any] | None = json(optional=True)
    """Who passed a policy over, until when, and by when that must be looked at; nothing once the votes were given."""
    reminded_at: datetime | None = moment(optional=True)
    """When those who may vote were told that it lapses soon."""
    overdue_at: datetime | None = moment(optional=True)
    """When it was told that a policy was passed over and nobody looked at that in time."""


class ApprovalVote(Row, table=True):
    """One vote; rows are only ever added. `at` is the clock's time, `recorded_at` and `auth_time` are the wall's."""

    __tablename__ = "approval_vote"
    __table_args__ = (UniqueConstraint("request", "principal"),)
    id: str = identifier()
    request: str
    principal: str
    choice: VoteChoice = word(VoteChoice, "choice")
    reason: str
    key: str | None = None
    """The id of the key that was shown; None where the operating system's user is all that is known."""
    auth_time: datetime | None = moment(optional=True)
    at: datetime = moment()
    recorded_at: datetime = moment()
