"""One request by its id: found, told, and voted upon as it was looked at. Every way to vote comes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.governance import Choice, Standing, Voter, standing_row
from headrace.registry import admission, asked
from headrace.store import Store
from headrace.store.approved import ApprovalRequest
from headrace.store.kinds import ApprovalStatus
from headrace.store.now import reading


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that was written down: how its request stands by it, and what it says now."""

    standing: Standing
    told: dict[str, Any]


def found(session: Session, environment: str, id_: str, model: str | None = None) -> ApprovalRequest:
    """A request of an environment; of one model, where it is named. HeadraceError `no-request` where there is none."""
    row = session.get(ApprovalRequest, id_)
    if row is None or row.environment != environment or model not in (None, row.model):
        whose = f"environment {environment}" if model is None else f"model/{model} in {environment}"
        message = f"{whose} has no request {id_[:80]}"
        raise HeadraceError(Diagnostic("no-request", message, help="`headrace approvals --all` lists them"), Exit.USAGE)
    return row


def cast(  # noqa: PLR0917 - what a vote is made of
    store: Store,
    governing: GovernanceConfig,
    environment: str,
    id_: str,
    voter: Voter,
    choice: Choice,
    reason: str,
    *,
    subject: str | None = None,
) -> Cast:
    """Vote on a request as it was asked for. `subject` is the digest of what the voter looked at, where that is known.

    HeadraceError (exit 4) as `governance.vote`, and `approval-changed` where what it asks for is no longer that; `no-request` (64).
    """
    with store.read() as session:
        row = found(session, environment, id_)
        what = f"model/{row.model} v{row.number}" if row.number is not None else f"plan {row.digests.get('plan')}"
    with store.transaction(voter.principal, choice.value, what) as session:
        row = found(session, environment, id_)
        _refuse_changed(session, governing, row, subject)
        if row.number is not None:
            standing = admission.vote(session, governing, environment, row.model, row.number, voter, choice, reason)
        else:
            now = reading(session).now
            standing = governance.vote(session, governing, asked.subject_of(session, row), now, voter, choice, reason)
        return Cast(standing, asked.told(session, governing, standing.request))


def _refuse_changed(session: Session, governing: GovernanceConfig, row: ApprovalRequest, subject: str | None) -> None:
    """HeadraceError where a vote would be on something else than what was looked at, or on what was decided."""
    if subject is not None and subject != row.subject:
        raise _changed(f"request {row.id} is not of {subject[:80]}")
    if row.status is ApprovalStatus.VOID:
        raise _changed(row.reason)
    governance.refuse_decided(row)
    current = asked.subject_of(session, row)
    policies = governing.policies(row.model, current.on)
    stands = standing_row(session, current, policies) if policies else None
    if stands is None or stands.id != row.id:
        parts = asked.changed(row, current) or ["policy"]
        raise _changed(f"changed since it was asked for: {', '.join(parts)}")


def _changed(why: str) -> HeadraceError:
    help_ = "look at it as it is now: `headrace approvals` lists what waits"
    return HeadraceError(Diagnostic("approval-changed", f"this vote would be on what is no longer there: {why}", help=help_), Exit.REFUSED)
