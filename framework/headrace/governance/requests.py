"""What was asked for and who voted on it, in the store: a request is opened once for each subject, and decided anew at every look.

All of it happens within a transaction of the caller's. One transaction writes at a time: two looks, or two votes, follow one another.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from headrace.compiled.governance import GovernanceConfig, PolicyConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.governance import messages
from headrace.governance.decide import decide, opens_glass, why_not
from headrace.governance.due import alarm, reminds, tell
from headrace.governance.values import Ballot, Choice, Facts, Outcome, Subject, Verdict
from headrace.spec.person import person
from headrace.store import EventKind, clock
from headrace.store.approved import ApprovalRequest, ApprovalVote
from headrace.store.kinds import ApprovalStatus
from headrace.store.tables import Revision

LOG = logging.getLogger("headrace.governance")
LEVELS = {"low": 1.0, "medium": 2.0, "high": 3.0}
"""What `risk.level` is."""
_DECIDED = {Outcome.APPROVED: ApprovalStatus.APPROVED, Outcome.REJECTED: ApprovalStatus.REJECTED, Outcome.LAPSED: ApprovalStatus.LAPSED}
ENDED = (ApprovalStatus.REJECTED, ApprovalStatus.LAPSED)
"""What does not come back: whoever wants it anew makes it anew."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands now; `news` is the event that this look wrote, if it wrote any."""

    request: ApprovalRequest
    verdict: Verdict
    outcome: Outcome
    news: EventKind | None = None

    @property
    def reason(self) -> str:
        """Why it stands so, in one line."""
        return self.request.reason or self.verdict.reason


@dataclass(frozen=True, slots=True)
class Voter:
    """Who votes, and how that is known: by a key that was shown at a moment of the wall's time, or by the operating system alone."""

    principal: str
    key: str | None = None
    auth_time: datetime | None = None


def asked(governance: GovernanceConfig, subject: Subject) -> tuple[PolicyConfig, ...]:
    """The policies that are asked about a subject; where there are none, nothing is asked and nothing is read."""
    return governance.policies(subject.model, subject.on)


def look(
    session: Session,
    governance: GovernanceConfig,
    subject: Subject,
    now: datetime,
    *,
    cause: str | None = None,
    requester: str | None = None,
) -> Standing:
    """Ask the policies about a subject: open its request where there is none, void what was asked of it as it was, and decide.

    What is written, and told by an event of the log: a request that is opened, and one that is decided. A plan whose request lapsed is
    asked for anew; a version is, once it is judged anew. HeadraceError `not-governed` where no policy is asked.
    """
    policies = _policies(governance, subject)
    row = standing_row(session, subject, policies)
    opened = row is None or (row.status is ApprovalStatus.LAPSED and subject.on == "deploy")
    if row is None or opened:
        row = _open(session, subject, policies, now, requester)
    now = _seen(session, row, now)
    alarm(session, row, policies, now)
    standing = _decide(session, governance, subject, policies, row, now)
    if opened and standing.outcome is Outcome.WAITING:
        tell(session, EventKind.APPROVAL_REQUESTED, row, now, cause, deadline=_iso(row.deadline), policies=[p.name for p in policies])
        messages.opened(session, row, policies, facts(session, governance, subject, row, now), standing.reason)
        standing = replace(standing, news=EventKind.APPROVAL_REQUESTED)
    elif standing.outcome is Outcome.WAITING and reminds(row, now):
        row.reminded_at = now
        session.add(row)
        messages.reminded(session, row, policies, facts(session, governance, subject, row, now), standing.verdict.reason)
    return _settle(session, standing, policies, now, cause)


def vote(  # noqa: PLR0917 - what a vote is made of
    session: Session,
    governance: GovernanceConfig,
    subject: Subject,
    now: datetime,
    voter: Voter,
    choice: Choice,
    reason: str,
    *,
    successor: str | None = None,
) -> Standing:
    """Write a vote down, and decide: the one that completes the quorum, or ends it, is told with the flow that goes on by it.

    HeadraceError (exit 4): `not-governed`, `may-not-vote` where it would not count, `already-voted`, `already-decided`; `no-reason` (64).
    """
    reason = _reason(reason)
    policies = _policies(governance, subject)
    standing = look(session, governance, subject, now)
    row, now = standing.request, max(now, standing.request.seen_at)
    refuse_decided(row)
    if (
        session.exec(select(ApprovalVote).where(ApprovalVote.request == row.id, ApprovalVote.principal == voter.principal)).first()
        is not None
    ):
        message = f"{voter.principal} has voted on this already: nobody votes twice"
        raise HeadraceError(Diagnostic("already-voted", message, help="`headrace approvals` shows it"), Exit.REFUSED)
    ballot = Ballot(voter.principal, choice, now, clock.wall(), voter.auth_time, reason)
    _refuse_uncounted(ballot, policies, facts(session, governance, subject, row, now))
    session.add(
        ApprovalVote(
            request=row.id,
            principal=voter.principal,
            choice=choice,
            reason=reason,
            key=voter.key,
            auth_time=voter.auth_time,
            at=now,
            recorded_at=ballot.recorded_at,
        )
    )
    session.flush()
    tell(session, EventKind.APPROVAL_VOTED, row, now, None, principal=voter.principal, choice=choice.value, reason=reason, key=voter.key)
    if choice is Choice.BREAK_GLASS:
        LOG.warning("break-glass: %s asks to pass over the policies of model/%s: %s", voter.principal, row.model, reason)
    return _settle(session, _decide(session, governance, subject, policies, row, now), policies, now, None, successor=successor)


def void(session: Session, row: ApprovalRequest, reason: str) -> None:
    """End a request of what is no longer there."""
    row.status, row.reason = ApprovalStatus.VOID, reason
    session.add(row)
    session.flush()


def facts(session: Session, governance: GovernanceConfig, subject: Subject, row: ApprovalRequest, now: datetime) -> Facts:
    """All that a decision about a request rests on; the members of groups are those of now."""
    governed = governance.models[subject.model]
    requesters = frozenset(row.requesters) | subject.duties.get("requester", frozenset())
    return Facts(
        now=now,
        requested_at=row.requested_at,
        deadline=_deadline(row),
        groups={name: frozenset(members) for name, members in governance.groups.items()},
        duties={**subject.duties, "requester": requesters},
        values={**subject.values, "risk.level": LEVELS[governed.risk]},
        ballots=tuple(_ballot(vote) for vote in votes(session, row.id)),
        granted=row.status is ApprovalStatus.APPROVED and row.glass is None,
    )


def _deadline(row: ApprovalRequest) -> datetime | None:
    """Until when a vote counts; what was passed over is to be looked at until its own time."""
    if row.deadline is None or row.glass is None:
        return row.deadline
    return max(row.deadline, datetime.fromisoformat(row.glass["review_by"]))


def votes(session: Session, request: str) -> list[ApprovalVote]:
    """The votes on a request, oldest first."""
    query = select(ApprovalVote).where(ApprovalVote.request == request)
    return list(session.exec(query.order_by(col(ApprovalVote.recorded_at), col(ApprovalVote.id))))


def standing_row(session: Session, subject: Subject, policies: Sequence[PolicyConfig]) -> ApprovalRequest | None:
    """The request of this very subject under these policies, unless it is void; the newest, where it was asked for again."""
    query = select(ApprovalRequest).where(
        ApprovalRequest.model == subject.model,
        ApprovalRequest.environment == subject.environment,
        ApprovalRequest.occasion == subject.on,
        ApprovalRequest.subject == _subject(_digests(subject, policies)),
        ApprovalRequest.status != ApprovalStatus.VOID,
    )
    return session.exec(query.order_by(col(ApprovalRequest.attempt).desc())).first()


def listed(session: Session, environment: str | None = None, model: str | None = None) -> list[ApprovalRequest]:
    """Every request of a store, oldest first; of an environment, or of a model, where one is named."""
    query = select(ApprovalRequest)
    if environment is not None:
        query = query.where(ApprovalRequest.environment == environment)
    if model is not None:
        query = query.where(ApprovalRequest.model == model)
    return list(session.exec(query.order_by(col(ApprovalRequest.requested_at), col(ApprovalRequest.id))))


def bars(session: Session, subject: Subject, now: datetime) -> str | None:
    """Why a version that was let in once may not be loaded now; None where it may.

    What it answers by and its card must be what was approved. A policy or an evaluation that is newer voids nothing that was let in, else
    every change of a policy would stop what answers.
    """
    query = select(ApprovalRequest).where(
        ApprovalRequest.model == subject.model,
        ApprovalRequest.environment == subject.environment,
        ApprovalRequest.occasion == "promote",
        ApprovalRequest.number == subject.number,
        ApprovalRequest.status == ApprovalStatus.APPROVED,
    )
    found = list(session.exec(query))
    if not found:
        return "nobody approved it in this environment"
    same = [row for row in found if all(row.digests.get(part) == subject.digests.get(part) for part in ("artifact", "card"))]
    if not same:
        parts = sorted({part for row in found for part in ("artifact", "card") if row.digests.get(part) != subject.digests.get(part)})
        return f"its {' and its '.join(parts)} changed after it was approved"
    if all(row.glass is not None and max(now, row.seen_at) >= datetime.fromisoformat(row.glass["until"]) for row in same):
        return "its policy was passed over for a while, and that is over without the votes"
    return None


def _policies(governance: GovernanceConfig, subject: Subject) -> tuple[PolicyConfig, ...]:
    found = asked(governance, subject)
    if not found:
        message = f"no policy asks anything of model/{subject.model} in {subject.environment}"
        help_ = "declare `governance.approvals`, or a policy, and type `headrace apply`"
        raise HeadraceError(Diagnostic("not-governed", message, help=help_), Exit.REFUSED)
    return found


def _digests(subject: Subject, policies: Sequence[PolicyConfig]) -> dict[str, str | None]:
    return {**subject.digests, "policy": _subject([policy.rules() for policy in policies])}


def _subject(value: object) -> str:
    import rfc8785

    return digest(rfc8785.dumps(value))  # type: ignore[arg-type]


def _open(session: Session, subject: Subject, policies: Sequence[PolicyConfig], now: datetime, requester: str | None) -> ApprovalRequest:
    """Write a request down, and void what was asked for or granted of the same version, or plan, as it was before."""
    digests = _digests(subject, policies)
    same = (
        ApprovalRequest.model == subject.model,
        ApprovalRequest.environment == subject.environment,
        ApprovalRequest.occasion == subject.on,
    )
    _void(session, subject, same)
    bound = [t for p in policies if p.mode == "block" for a in p.approvals if (t := a.deadline_seconds) is not None]
    attempt = session.exec(select(func.max(ApprovalRequest.attempt)).where(*same, ApprovalRequest.subject == _subject(digests))).one() or 0
    row = ApprovalRequest(
        model=subject.model,
        environment=subject.environment,
        occasion=subject.on,
        number=subject.number,
        subject=_subject(digests),
        attempt=attempt + 1,
        digests=digests,
        policies=[policy.rules() for policy in policies],
        requesters=sorted(_requesters(session, requester)),
        requested_at=now,
        deadline=now + timedelta(seconds=min(bound)) if bound else None,
        seen_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _void(session: Session, subject: Subject, same: tuple[Any, ...]) -> None:
    query = select(ApprovalRequest).where(*same, ApprovalRequest.number == subject.number)
    for old in session.exec(query.where(col(ApprovalRequest.status) == ApprovalStatus.OPEN)):
        changed = sorted(part for part, value in subject.digests.items() if old.digests.get(part) != value) or ["policy"]
        old.status, old.reason = ApprovalStatus.VOID, f"changed since it was asked for: {', '.join(changed)}"
        session.add(old)


def _requesters(session: Session, requester: str | None) -> set[str]:
    """Whoever asks, where that is a person, and whoever applied last: what is asked for is what he applied."""
    applied = session.exec(select(Revision.actor).order_by(col(Revision.serial).desc()).limit(1)).first()
    found = {person(name) for name in (requester, applied) if name is not None}
    return {name for name in found if name.startswith("user:")}


def _seen(session: Session, row: ApprovalRequest, now: datetime) -> datetime:
    """The time that it is for a request: never earlier than it was."""
    if now > row.seen_at:
        row.seen_at = now
        session.add(row)
    return row.seen_at


def _decide(  # noqa: PLR0917 - what a decision rests on
    session: Session, governance: GovernanceConfig, subject: Subject, policies: Sequence[PolicyConfig], row: ApprovalRequest, now: datetime
) -> Standing:
    verdict = decide(policies, facts(session, governance, subject, row, now))
    ended = {ApprovalStatus.REJECTED: Outcome.REJECTED, ApprovalStatus.LAPSED: Outcome.LAPSED}.get(row.status)
    return Standing(row, verdict, ended or verdict.outcome)


def _settle(
    session: Session,
    standing: Standing,
    policies: Sequence[PolicyConfig],
    now: datetime,
    cause: str | None,
    *,
    successor: str | None = None,
) -> Standing:
    """Write down what was decided, once, and that a condition refuses, once for each reason."""
    row, verdict, outcome = standing.request, standing.verdict, standing.outcome
    if row.status in ENDED:
        return standing
    if outcome is Outcome.REFUSED:
        if row.reason == verdict.reason:
            return standing
        row.reason = verdict.reason
        session.add(row)
        tell(session, EventKind.PROMOTION_REFUSED, row, now, cause, reason=row.reason, trace=verdict.to_json())
        return replace(standing, news=EventKind.PROMOTION_REFUSED)
    glass = None if verdict.glass is None else verdict.glass.to_json()
    if outcome is Outcome.WAITING:
        row.reason = ""
        session.add(row)
        return standing
    if row.status is _DECIDED[outcome] and row.glass == glass:
        return standing
    row.status, row.decided_at, row.glass = _DECIDED[outcome], now, glass
    row.reason = "" if outcome is Outcome.APPROVED else verdict.reason
    session.add(row)
    if glass is not None:
        LOG.warning(
            "break-glass: the policies of model/%s are passed over until %s by %s", row.model, glass["until"], ", ".join(glass["by"])
        )
    tell(
        session,
        EventKind.APPROVAL_DECIDED,
        row,
        now,
        cause,
        successor=successor,
        outcome=outcome.value,
        reason=row.reason,
        break_glass=glass,
        warnings=list(verdict.warnings),
        trace=verdict.to_json(),
    )
    if any(policy.mode == "block" and policy.approvals for policy in policies):
        messages.decided(session, row, policies, now)
    return replace(standing, news=EventKind.APPROVAL_DECIDED)


def refuse_decided(row: ApprovalRequest) -> None:
    """HeadraceError where no vote can change anything any more; what was passed over may still be voted on, which looks at it."""
    if row.status in ENDED or (row.status is ApprovalStatus.APPROVED and row.glass is None):
        why = f": {row.reason}" if row.reason else ""
        message = f"it is {row.status.value} already{why}"
        raise HeadraceError(Diagnostic("already-decided", message, help="`headrace approvals --all` shows how it came about"), Exit.REFUSED)


def _refuse_uncounted(ballot: Ballot, policies: Sequence[PolicyConfig], known: Facts) -> None:
    """HeadraceError where a vote would count nowhere: it is not written down, so that it can be given as it must be."""
    if ballot.choice is Choice.BREAK_GLASS:
        whys = [opens_glass(ballot, policy.break_glass, known) for policy in policies if policy.break_glass is not None]
        none = "no policy that holds for it says `break_glass`"
    else:
        whys = [why_not(ballot, approval, known) for policy in policies for approval in policy.approvals]
        none = "no policy that holds for it asks for votes"
    if None in whys:
        return
    why = f"{ballot.principal} {'; and '.join(dict.fromkeys(filter(None, whys)))}" if whys else none
    help_ = "show a key of your own: `HEADRACE_KEY=… headrace approve …`" if "key" in why else "`headrace approvals` says who may vote"
    raise HeadraceError(Diagnostic("may-not-vote", f"this vote would not count: {why}", help=help_), Exit.REFUSED)


def _reason(text: str) -> str:
    told = " ".join(text.split())
    if not told or len(told) > 1000 or not told.isprintable():  # noqa: PLR2004 - what somebody reads
        fault = Diagnostic("no-reason", "a vote says why, in 1 to 1000 printable characters", help='write `--reason "what you looked at"`')
        raise HeadraceError(fault, Exit.USAGE)
    return told


def _ballot(row: ApprovalVote) -> Ballot:
    return Ballot(row.principal, Choice(row.choice), row.at, row.recorded_at, row.auth_time, row.reason)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
