"""What time alone brings about: a request that soon lapses is told of, one that lapsed is ended, a review that is overdue is alarmed."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.governance import standing_row
from headrace.registry import admission, asked
from headrace.store import Store
from headrace.store.approved import ApprovalRequest
from headrace.store.kinds import ApprovalStatus
from headrace.store.now import reading


def attend(store: Store, project: str, compiled: GovernanceConfig, environment: str, actor: str) -> list[str]:
    """See to each request of an environment whose time has come, and say what was done; nothing is written where none has."""
    with store.read() as session:
        now = reading(session).now
        late = [row.id for row in governance.listed(session, environment) if _comes(row, now)]
        governing = governance.in_force(session, project, compiled) if late else compiled
    done = []
    for id_ in late:
        with store.transaction(actor, "attend", f"approval request {id_}") as session:
            row = session.get_one(ApprovalRequest, id_)
            now = reading(session).now
            if _comes(row, now):  # another may have come first
                done.append(_see_to(session, governing, row, now))
    return done


def _comes(row: ApprovalRequest, now: datetime) -> bool:
    lapsed = row.status is ApprovalStatus.OPEN and row.deadline is not None and now > row.deadline
    return lapsed or governance.reminds(row, now) or governance.late(row, now)


def _see_to(session: Session, governing: GovernanceConfig, row: ApprovalRequest, now: datetime) -> str:
    current = asked.subject_of(session, row)
    policies = governing.policies(row.model, current.on)
    what = f"approval of model/{row.model}" + ("" if row.number is None else f" v{row.number}")
    if governance.alarm(session, row, policies, max(now, row.seen_at)):
        return f"{what}: nobody looked at what was passed over"
    standing = standing_row(session, current, policies) if policies else None
    if standing is None or standing.id != row.id:
        parts = asked.changed(row, current) or ["policy"]
        governance.void(session, row, f"changed since it was asked for: {', '.join(parts)}")
        return f"{what}: no longer what was asked for"
    if row.number is None:
        governance.look(session, governing, current, now)
    else:
        admission.admit(session, governing, row.environment, row.model, row.number, now=now)
    return f"{what}: {row.status}" + ("" if row.status is not ApprovalStatus.OPEN else ", and soon lapses")
