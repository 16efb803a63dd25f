"""How far a version has come in this environment: the one table of legal moves, and each move as an event and a stay with its times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.conflict import ANY, Any_, refuse_other
from headrace.registry.indexed import index_of
from headrace.registry.use import refuse_used
from headrace.store import events
from headrace.store.kinds import Stage
from headrace.store.registered import StageHistory, VersionIndex

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.DRAFT: frozenset({Stage.REGISTERED, Stage.REJECTED, Stage.ARCHIVED}),
    Stage.REGISTERED: frozenset({Stage.VALIDATED, Stage.REJECTED, Stage.ARCHIVED}),
    Stage.VALIDATED: frozenset({Stage.STAGING, Stage.REJECTED, Stage.ARCHIVED}),
    Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.VALIDATED, Stage.REJECTED}),
    Stage.PRODUCTION: frozenset({Stage.DEPRECATED, Stage.REJECTED}),
    Stage.DEPRECATED: frozenset({Stage.PRODUCTION, Stage.STAGING, Stage.RETIRED, Stage.REJECTED, Stage.ARCHIVED}),
    Stage.REJECTED: frozenset({Stage.VALIDATED, Stage.RETIRED, Stage.ARCHIVED}),
    Stage.ARCHIVED: frozenset({Stage.REGISTERED, Stage.RETIRED}),
    Stage.RETIRED: frozenset(),
}
"""From each stage, those that may follow. What was rejected may be judged again, by other gates; what is retired stays so."""

_LIFE = (Stage.REGISTERED, Stage.VALIDATED, Stage.STAGING, Stage.PRODUCTION)
EARNED = frozenset({Stage.VALIDATED, Stage.STAGING, Stage.PRODUCTION})
"""The stages that a version comes to by its gates, its alias and its rollout, and by nothing else."""


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a version was in a stage: until `until`, exclusive; None while it is."""

    number: int
    stage: Stage
    since: datetime
    until: datetime | None
    reason: str
    actor: str
    event_id: str | None


def stage_of(session: Session, model: str, number: int) -> Stage:
    """The stage that a version is in. HeadraceError `no-version`."""
    return index_of(session, model, number).stage


def history(session: Session, model: str, number: int | None = None) -> list[Stay]:
    """Every stay, oldest first; of one version, where it is named."""
    query = select(StageHistory).where(StageHistory.model == model)
    if number is not None:
        query = query.where(StageHistory.number == number)
    # Two stays that begin in one moment: the one that ended is the earlier.
    rows = sorted(session.exec(query), key=lambda row: (row.valid_from, row.valid_to is None, row.valid_to or row.valid_from))
    return [Stay(row.number, row.stage, row.valid_from, row.valid_to, row.reason, row.actor, row.event_id) for row in rows]


def set_stage(session: Session, *, model: str, number: int, stage: Stage, at: datetime, reason: str, expected: Stage | Any_ = ANY) -> None:
    """Move a version one stage on, for a person: to all but `EARNED`, which gates and rollouts decide; nothing happens where it is there.

    HeadraceError: `no-version`, `illegal-stage` where the table has no such move, `registry-conflict` where it is not in the stage that
    is `expected`, `version-in-use` where it answers or waits to.
    """
    found = index_of(session, model, number)
    what = f"model/{model} v{number}"
    refuse_other(f"the stage of {what}", expected, found.stage)
    if stage is found.stage:
        return
    if stage in EARNED:
        why = "its gates, its candidacy and its rollout bring it there"
        raise _illegal(what, found.stage, stage, MOVES[found.stage] - EARNED, why)
    if stage not in MOVES[found.stage]:
        raise _illegal(what, found.stage, stage, MOVES[found.stage] - EARNED)
    refuse_used(session, model, number, f"made `{stage}`")
    move(session, found, stage, at, reason)


def begin(session: Session, model: str, number: int, at: datetime) -> None:
    """The first stay of a version, within the transaction that registers it; its own event tells of it."""
    actor, at = session.info["actor"], _not_before(session, model, at)
    session.add(StageHistory(model=model, number=number, stage=Stage.REGISTERED, valid_from=at, reason="it was registered", actor=actor))
    session.flush()


def move(session: Session, found: VersionIndex, stage: Stage, at: datetime, reason: str) -> None:
    """One legal move, with its event and its stay. HeadraceError `illegal-stage`."""
    what = f"model/{found.model} v{found.number}"
    if stage not in MOVES[found.stage]:
        raise _illegal(what, found.stage, stage, MOVES[found.stage])
    before = _stay_now(session, found.model, found.number)
    at = _not_before(session, found.model, at)
    payload = {"number": found.number, "from": found.stage.value, "to": stage.value, "reason": reason}
    event = events.append(session, model=found.model, kind=events.EventKind.STAGE_MOVED, payload=payload, at=at)
    before.valid_to = at
    session.flush()  # before the next stay begins: the index that keeps one stay open looks at each statement
    session.add(
        StageHistory(
            model=found.model,
            number=found.number,
            stage=stage,
            valid_from=at,
            reason=reason,
            actor=session.info["actor"],
            event_id=event.id,
        )
    )
    found.stage = stage
    session.flush()


def reach(  # noqa: PLR0917 - what a move is
    session: Session, model: str, number: int, stage: Stage, at: datetime, reason: str
) -> None:
    """Move a version to a stage of its life by every one on the way, so that no stay is left out of its history.

    HeadraceError `illegal-stage` where none leads there, such as from what is retired.
    """
    found = index_of(session, model, number)
    for step in _way(f"model/{model} v{number}", found.stage, stage):
        move(session, found, step, at, reason)


def standing_in(session: Session, model: str, stage: Stage) -> list[VersionIndex]:
    """The versions of a model that are in a stage now."""
    return list(session.exec(select(VersionIndex).where(VersionIndex.model == model, VersionIndex.stage == stage)))


def _way(what: str, before: Stage, after: Stage) -> list[Stage]:
    """The shortest way by legal moves, those of a version's life first; empty where it is there."""
    ways: dict[Stage, list[Stage]] = {before: []}
    queue = [before]
    while queue:
        here = queue.pop(0)
        if here is after:
            return ways[here]
        for following in sorted(MOVES[here] & {*_LIFE, after}):
            if following not in ways:
                ways[following] = [*ways[here], following]
                queue.append(following)
    raise _illegal(what, before, after, MOVES[before])


def _not_before(session: Session, model: str, at: datetime) -> datetime:
    """A clock that was set back moves nothing into the past: what follows begins no earlier than what was before it."""
    last = session.exec(select(func.max(StageHistory.valid_from)).where(StageHistory.model == model)).one()
    return at if last is None else max(at, last)


def _stay_now(session: Session, model: str, number: int) -> StageHistory:
    query = select(StageHistory).where(StageHistory.model == model, StageHistory.number == number, col(StageHistory.valid_to).is_(None))
    return session.exec(query).one()


def _illegal(what: str, before: Stage, after: Stage, legal: frozenset[Stage], why: str = "") -> HeadraceError:
    ways = ", ".join(f"`{item}`" for item in Stage if item in legal)
    message = f"{what} is `{before}` and cannot become `{after}`" + (f": {why}" if why else "")
    help_ = f"from `{before}` it may become {ways}" if ways else f"nothing follows `{before}`"
    return HeadraceError(Diagnostic("illegal-stage", message, help=help_), Exit.REFUSED)
