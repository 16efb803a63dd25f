"""Carries a decision out within one transaction: the weights first, then aliases, the rollout's row, the log, the next look.

A process that dies in between leaves nothing half done, and the next look decides anew from the same facts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlmodel import Session

from headrace import registry, traffic
from headrace.rollout import compared, record
from headrace.rollout.canary import Canary, Progress
from headrace.rollout.decide import Action, HandOver, Hold, Idle, Look, Promote, Raise, RollBack, Start
from headrace.rollout.judgement import Judgement
from headrace.rollout.state import State, moved
from headrace.store import EventKind, due, events, tables
from headrace.store.columns import new_id
from headrace.traffic import CANDIDATE, CHAMPION, Arm, Weights

FLOW = "roll_out"
"""The flow that looks at rollouts, as `due` names it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all that is written in one look has in common; `weights` are those that were decided upon."""

    session: Session
    model: str
    now: datetime
    cause: str | None
    weights: Weights | None
    canary: Canary


def carry_out(scene: Scene, action: Action) -> Progress:  # noqa: PLR0911 - one a kind of action
    """Do what was decided, and announce it."""
    match action:
        case Idle():
            due.drop(scene.session, scene.model, FLOW)
            return told(scene, None, None, reason="no candidate waits")
        case Start():
            return _start(scene, action)
        case Look():
            return _stay(scene, action.judgement, action.look, None, "undecided so far")
        case Hold():
            return _stay(scene, action.judgement, action.look, action.kind, action.reason)
        case Raise():
            return _raise(scene, action)
        case Promote():
            return _promote(scene, action)
        case HandOver():
            return _hand_over(scene, action)
        case RollBack():
            return _roll_back(scene, action)
        case _:
            assert_never(action)


def everything_to(scene: Scene, champion: int, reason: str) -> None:
    """Let one version answer everything; nothing happens where it does."""
    arms = (Arm(CHAMPION, champion, 1.0),)
    if scene.weights is None or scene.weights.arms != arms:
        _weigh(scene, arms, reason)


def close(scene: Scene, row: tables.Rollout, verdict: str, reason: str, judgement: Judgement | None = None) -> None:
    """End a rollout that came to nothing, or undo one that had ended well; the alias of its candidate is dropped."""
    if verdict == "failed":
        row.state = moved(row.state, State.FAILED).value
    else:
        row.state = moved(moved(row.state, State.ROLLING_BACK), State.ROLLED_BACK).value
    _ended(scene, row, verdict, reason, judgement)
    if registry.aliases(scene.session, scene.model).get(registry.CANDIDATE) == row.candidate:
        registry.move(scene.session, model=scene.model, alias=registry.CANDIDATE, number=None, at=scene.now, reason=reason)
    registry.reject(scene.session, model=scene.model, number=row.candidate, at=scene.now, reason=reason)


def told(
    scene: Scene, kind: EventKind | None, row: tables.Rollout | None, *, reason: str, judgement: Judgement | None = None, **more: object
) -> Progress:
    """What came of a look: written to the log under the id that is announced, where it is of a kind that the log knows."""
    identity = new_id()
    standing: dict[str, Any] = {"state": "none", "candidate": None, "champion": None, "step": None}
    if row is not None:
        standing = {"state": row.state, "candidate": row.candidate, "champion": row.champion, "step": row.step}
    evidence = {} if judgement is None else {metric: asdict(found) for metric, found in judgement.evidence.items()}
    requests = None if judgement is None else judgement.requests
    payload = {"id": identity, "model": scene.model, **standing, "reason": reason, "evidence": evidence, "requests": requests, **more}
    if kind is None:
        return Progress(passed=False, event="headrace.rollout.looked", event_id=identity, payload=payload)
    events.append(scene.session, model=scene.model, kind=kind, payload=payload, at=scene.now, cause=scene.cause, id=identity)
    return Progress(passed=kind is EventKind.ROLLOUT_PROMOTED, event=f"headrace.{kind.value}", event_id=identity, payload=payload)


def _start(scene: Scene, action: Start) -> Progress:
    share = scene.canary.steps[0].weight
    weights = _share(scene, action.champion, action.candidate, share, "step 1")
    row = _row(scene, action.candidate, action.champion, weights.epoch)
    _look_again(scene, action.look)
    reason = f"step 1 of {len(scene.canary.steps)}: {share:.0%}"
    return told(scene, EventKind.ROLLOUT_STARTED, row, reason=reason, weight=share, look=action.look.isoformat())


def _stay(scene: Scene, judgement: Judgement, look: datetime, held: str | None, reason: str) -> Progress:
    row = _standing(scene)
    said_before = row.details.get("held") == held
    _note(row, judgement, held=held)
    _look_again(scene, look)
    kind = None if held is None or said_before else EventKind.ROLLOUT_HELD
    return told(scene, kind, row, reason=reason, judgement=judgement, held=held, look=look.isoformat())


def _raise(scene: Scene, action: Raise) -> Progress:
    row, share = _standing(scene), scene.canary.steps[action.step].weight
    weights = _share(scene, row.champion or 0, row.candidate, share, f"step {action.step + 1}")
    row.step, row.step_since, row.epoch = action.step, scene.now, weights.epoch
    _note(row, action.judgement, held=None)
    _look_again(scene, action.look)
    reason = f"step {action.step + 1} of {len(scene.canary.steps)}: {share:.0%}"
    return told(scene, EventKind.ROLLOUT_RAISED, row, reason=reason, judgement=action.judgement, weight=share, look=action.look.isoformat())


def _promote(scene: Scene, action: Promote) -> Progress:
    everything_to(scene, action.candidate, action.reason)
    row = record.running_row(scene.session, scene.model)
    if row is not None and row.candidate != action.candidate:
        close(scene, row, "replaced", action.reason)
        row = None
    if row is None:
        champion = registry.aliases(scene.session, scene.model).get(registry.CHAMPION)
        epoch = traffic.current(scene.session, scene.model)
        row = _row(scene, action.candidate, champion, epoch.epoch if epoch else 0)
    registry.promote(scene.session, model=scene.model, number=action.candidate, at=scene.now, reason=action.reason)
    row.state = moved(row.state, State.ACTIVE).value
    _ended(scene, row, "healthy" if action.judgement else "unjudged", action.reason, action.judgement)
    return told(scene, EventKind.ROLLOUT_PROMOTED, row, reason=action.reason, judgement=action.judgement, verdict=row.details["verdict"])


def begun(scene: Scene, candidate: int, champion: int, epoch: int) -> tables.Rollout:
    """The row of a candidate that an experiment decides on from the start: no rollout is declared."""
    row = _row(scene, candidate, champion, epoch)
    row.state = moved(row.state, State.COMPARING).value
    scene.session.flush()
    return row


def won(scene: Scene, row: tables.Rollout, verdict: str, reason: str) -> None:
    """Make the candidate of a rollout that an experiment decided on the champion, and let it answer everything."""
    everything_to(scene, row.candidate, reason)
    registry.promote(scene.session, model=scene.model, number=row.candidate, at=scene.now, reason=reason)
    row.state = moved(row.state, State.ACTIVE).value
    _ended(scene, row, verdict, reason, None)


def _hand_over(scene: Scene, action: HandOver) -> Progress:
    row = _standing(scene)
    row.state = moved(row.state, State.COMPARING).value
    _note(row, action.judgement, held=None)
    scene.session.flush()
    due.put(scene.session, scene.model, FLOW, scene.now, "its experiment begins")
    return told(scene, EventKind.ROLLOUT_HANDED_OVER, row, reason=action.reason, judgement=action.judgement)


def _roll_back(scene: Scene, action: RollBack) -> Progress:
    row = _standing(scene)
    champion = registry.aliases(scene.session, scene.model).get(registry.CHAMPION, row.champion or 0)
    everything_to(scene, champion, action.reason)
    if action.abort is not None:
        told(scene, EventKind.ROLLOUT_ABORTED, row, reason=action.reason, judgement=action.judgement, **_plain(action))
    close(scene, row, action.verdict, action.reason, action.judgement)
    return told(scene, EventKind.ROLLOUT_ROLLED_BACK, row, reason=action.reason, judgement=action.judgement, verdict=action.verdict)


def _plain(action: RollBack) -> dict[str, Any]:
    return {} if action.abort is None else {"metric": action.abort.metric, "verdict": action.verdict}


def _standing(scene: Scene) -> tables.Rollout:
    row = record.running_row(scene.session, scene.model)
    if row is None:
        raise LookupError(f"model/{scene.model} has no rollout that runs")
    return row


def _row(scene: Scene, candidate: int, champion: int | None, epoch: int) -> tables.Rollout:
    row = tables.Rollout(
        model=scene.model,
        candidate=candidate,
        champion=champion,
        state=moved(State.PENDING, State.DEPLOYING).value,
        step=0,
        epoch=epoch,
        started_at=scene.now,
        step_since=scene.now,
        passed=[],
        details={"after": record.last_seq(scene.session, scene.model)},
    )
    scene.session.add(row)
    scene.session.flush()
    return row


def _note(row: tables.Rollout, judgement: Judgement, **more: object) -> None:
    """What must not be forgotten from one look to the next."""
    row.passed = list(judgement.passed)
    evidence = {metric: asdict(found) for metric, found in judgement.evidence.items()}
    wrong = judgement.wrong_share or bool(row.details.get("wrong_share"))
    row.details = {**row.details, "evidence": evidence, "wrong_share": wrong, **more}


def _ended(scene: Scene, row: tables.Rollout, verdict: str, reason: str, judgement: Judgement | None) -> None:
    if judgement is not None:
        _note(row, judgement)
    row.details = {**row.details, "verdict": verdict, "reason": reason, "ended_at": scene.now.isoformat()}
    scene.session.flush()
    compared.end(scene.session, row, scene.now, reason, cause=scene.cause)
    held = registry.aliases(scene.session, scene.model)
    if held.get(registry.CANDIDATE) not in {None, row.candidate}:
        due.put(scene.session, scene.model, FLOW, scene.now, "a newer candidate waits")
    else:
        due.drop(scene.session, scene.model, FLOW)


def _look_again(scene: Scene, at: datetime) -> None:
    due.put(scene.session, scene.model, FLOW, at, "the next look at the rollout")


def _share(scene: Scene, champion: int, candidate: int, share: float, reason: str) -> Weights:
    return _weigh(scene, (Arm(CHAMPION, champion, 1.0 - share), Arm(CANDIDATE, candidate, share)), reason)


def _weigh(scene: Scene, arms: tuple[Arm, ...], reason: str) -> Weights:
    epoch = None if scene.weights is None else scene.weights.epoch
    return traffic.set_weights(scene.session, model=scene.model, expected=epoch, arms=arms, at=scene.now, reason=reason)
