"""What is open for approval, as whoever is to agree must see it: what it is, how it differs from the champion, who may vote, who has."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.governance import Subject, decide, standing_row
from headrace.registry.alias import CHAMPION, aliases
from headrace.registry.evidence import subject, verdicts
from headrace.registry.version import Version, get
from headrace.store import clock
from headrace.store.approved import ApprovalRequest
from headrace.store.kinds import ApprovalStatus
from headrace.store.now import reading

_BY_VOTES = {"approvals.count", "card.approved"}
"""What a condition may read that votes change."""


def requests(session: Session, governing: GovernanceConfig, environment: str, model: str | None, *, every: bool) -> list[dict[str, Any]]:
    """The requests of an environment, oldest first: those that are open or passed over for a while, or every one."""
    found = governance.listed(session, environment, model)
    waiting = [row for row in found if row.status is ApprovalStatus.OPEN or row.glass is not None or governance.unreviewed(row)]
    return [told(session, governing, row) for row in (found if every else waiting)]


def missing(session: Session, governing: GovernanceConfig, row: ApprovalRequest) -> str | None:
    """Which votes an open request waits for; None where it waits for none, or none would let it in."""
    if row.status is not ApprovalStatus.OPEN or row.glass is not None:
        return None
    voted_on = subject_of(session, row)
    policies = governing.policies(row.model, voted_on.on)
    if not policies or standing_row(session, voted_on, policies) is None:
        return None
    known = governance.facts_of(session, governing, voted_on, row, max(reading(session).now, row.seen_at))
    verdict = decide(policies, known)
    unmet = [one for ruling in verdict.rulings if ruling.mode == "block" for one in ruling.conditions if one.holds is not True]
    votable = verdict.outcome is governance.Outcome.WAITING and all(_BY_VOTES & one.read.keys() for one in unmet)
    return verdict.reason if votable else None


def told(session: Session, governing: GovernanceConfig, row: ApprovalRequest) -> dict[str, Any]:
    """One request: by which digests it is what it is, what the policies say of it now, and what of it is another by now."""
    now = max(reading(session).now, row.seen_at)
    asked = subject_of(session, row)
    policies = governing.policies(row.model, asked.on)
    stands = bool(policies) and standing_row(session, asked, policies) is not None
    known = governance.facts_of(session, governing, asked, row, now) if policies else None
    verdict = decide(policies, known) if known is not None else None
    return {
        "request": row.id,
        "subject": row.subject,
        "model": row.model,
        "environment": row.environment,
        "on": row.occasion,
        "version": row.number,
        "status": row.status.value,
        "reason": row.reason,
        "digests": row.digests,
        "changed": changed(row, asked),
        "stands": stands,
        "requested_at": row.requested_at.isoformat(),
        "deadline": None if row.deadline is None else row.deadline.isoformat(),
        "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
        "requesters": row.requesters,
        "break_glass": row.glass,
        "overdue": row.overdue_at.isoformat() if row.overdue_at is not None and governance.unreviewed(row) else None,
        "trace": [] if verdict is None else verdict.to_json(),
        "may_vote": [] if known is None else [asdict(member) for member in governance.voters(policies, known, clock.wall())],
        "votes": [
            {
                "principal": vote.principal,
                "choice": vote.choice.value,
                "reason": vote.reason,
                "key": vote.key,
                "at": vote.at.isoformat(),
            }
            for vote in governance.votes(session, row.id)
        ],
        "evidence": None if row.number is None else _evidence(session, row.model, row.number),
    }


def changed(row: ApprovalRequest, current: Subject) -> list[str]:
    """What of a request is another by now."""
    return sorted(part for part, value in current.digests.items() if row.digests.get(part) != value)


def subject_of(session: Session, row: ApprovalRequest) -> Subject:
    """What was asked for, as it is now; a plan is what it was."""
    if row.number is None:
        digests = {name: value for name, value in row.digests.items() if name != "policy"}
        return Subject(row.model, row.environment, "deploy", None, digests)
    return subject(session, row.environment, get(session, row.model, row.number), reading(session).now)


def _evidence(session: Session, model: str, number: int) -> dict[str, Any]:
    """Metrics on the held-out rows and what each gate said, of the version and of the champion."""
    version = get(session, model, number)
    held = aliases(session, model).get(CHAMPION)
    other = get(session, model, held) if held is not None and held != number else None
    return {"version": _of(session, version), "champion": None if other is None else _of(session, other)}


def _of(session: Session, version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "metrics": version.manifest.get("metrics", {}),
        "gates": [{"gate": row.gate, "passed": row.passed, "mode": row.mode, "reason": row.reason} for row in verdicts(session, version)],
        "digests": version.manifest.get("digests", {}),
    }
