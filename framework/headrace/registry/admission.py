"""Whether a version may be rolled out in an environment, and what becomes of a candidate that may not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.governance import Choice, Outcome, Standing, Voter
from headrace.registry.alias import CANDIDATE, aliases, move
from headrace.registry.card import card_of
from headrace.registry.card_writing import approve_card, submit_card
from headrace.registry.evidence import subject, verdicts
from headrace.registry.version import Version, get
from headrace.registry.waived import stands
from headrace.store import EventKind, due, events
from headrace.store.columns import new_id
from headrace.store.now import reading

FLOW = "roll_out"
"""The flow that goes on once a vote has decided."""


def admit(
    session: Session, governing: GovernanceConfig, environment: str, model: str, number: int, *, now: datetime, cause: str | None = None
) -> Standing | None:
    """Ask the policies about a version that is to be rolled out; None where there are none. What ends it ends the candidate.

    To be called under the transaction that would move it: what it says holds until that commits.
    """
    if not governing.policies(model, "promote"):
        return None
    asked = subject(session, environment, get(session, model, number), now)
    standing = governance.look(session, governing, asked, now, cause=cause)
    _approve_card(session, standing, now)
    if standing.outcome in {Outcome.REJECTED, Outcome.LAPSED}:
        _end(session, model, number, now, standing.reason)
    return standing


def expired(session: Session, model: str, number: int, *, now: datetime) -> str | None:
    """End a candidate that was let through by a waiver which is over by now, and say so; None where there is none.

    To be called as `admit`: the judgement was of its moment, and what it let through may wait for longer.
    """
    over = [row for row in verdicts(session, get(session, model, number)) if row.waived is not None and not stands(row, now)]
    if not over:
        return None
    told = ", ".join(f"{row.gate} (by {row.waived['by']} until {row.waived['until']})" for row in over if row.waived is not None)
    why = f"what waived its gates is over: {told}"
    _end(session, model, number, now, why, failed=[row.gate for row in over])
    return why


def vote(  # noqa: PLR0917 - what a vote is made of
    session: Session,
    governing: GovernanceConfig,
    environment: str,
    model: str,
    number: int,
    voter: Voter,
    choice: Choice,
    reason: str,
) -> Standing:
    """Vote on a version, by what it is at this moment; what completes the quorum starts the flow that goes on.

    HeadraceError as `governance.vote`, and `no-version`.
    """
    now = reading(session).now
    asked = subject(session, environment, get(session, model, number), now)
    waits = aliases(session, model).get(CANDIDATE) == number
    standing = governance.vote(session, governing, asked, now, voter, choice, reason, successor=FLOW if waits else None)
    _approve_card(session, standing, now)
    if standing.outcome in {Outcome.REJECTED, Outcome.LAPSED}:
        _end(session, model, number, now, standing.reason)
    return standing


def loadable(session: Session, governing: GovernanceConfig, environment: str, version: Version) -> None:
    """HeadraceError `not-approved` where a version may not answer in an environment: it was never let in, or is not what was.

    Where no policy blocks, all may, and nothing is read.
    """
    if not any(policy.mode == "block" for policy in governing.policies(version.model, "promote")):
        return
    now = reading(session).now
    why = governance.bars(session, subject(session, environment, version, now), now)
    if why is not None:
        help_ = (
            f"`headrace approvals {version.model}` shows what was asked for; `headrace approve {version.model} --version {version.number}`"
        )
        raise HeadraceError(Diagnostic("not-approved", f"{version} may not be loaded: {why}", help=help_), Exit.REFUSED)


def _approve_card(session: Session, standing: Standing, now: datetime) -> None:
    """Who agrees to a version agrees to its card as it was shown: it is approved by the decision, unless it lacks something."""
    row = standing.request
    shown = row.digests.get("card")
    if standing.news is not EventKind.APPROVAL_DECIDED or standing.outcome is not Outcome.APPROVED or row.glass is not None:
        return
    if shown is None or row.number is None or not card_of(session, row.model, row.number).completeness.complete:
        return
    submit_card(session, row.model, row.number, digest=shown, at=now)
    approve_card(session, row.model, row.number, digest=shown, approval=row.id, at=now)


def _end(  # noqa: PLR0917 - what ends it
    session: Session, model: str, number: int, now: datetime, reason: str, failed: Sequence[str] = ("approval",)
) -> None:
    """End a candidate that was rejected, whose request lapsed, or whose waiver did; nothing where it is none any more."""
    if aliases(session, model).get(CANDIDATE) != number:
        return
    move(session, model=model, alias=CANDIDATE, number=None, at=now, reason=reason)
    due.put(session, model, FLOW, now, reason)  # a rollout that runs ends at its next look
    told = {"id": new_id(), "model": model, "number": number, "run_id": None, "passed": False}
    payload = {**told, "failed": list(failed), "warned": [], "gates": [], "reason": reason}
    events.append(session, model=model, kind=EventKind.CANDIDATE_REJECTED, payload=payload, at=now, id=str(told["id"]))
