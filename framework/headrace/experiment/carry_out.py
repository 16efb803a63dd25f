"""Carries a decision out within one transaction: the weights first, then aliases, both rows, the log, the next look.

A process that dies in between leaves nothing half done, and the next look decides anew from the same facts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, assert_never

from headrace import registry, traffic
from headrace.experiment import record
from headrace.experiment.analysis import Analysis
from headrace.experiment.decide import Action, Begin, Change, Facts, Idle, Keep, Look, Promote, RollBack, Wait, frozen
from headrace.experiment.declared import CANDIDATE, CHAMPION, Declared
from headrace.experiment.state import State, moved
from headrace.rollout import Progress
from headrace.rollout import record as rollouts
from headrace.rollout.carry_out import FLOW, Scene, begun, close, everything_to, told, won
from headrace.rollout.compared import last_epoch
from headrace.store import EventKind, due, events
from headrace.store.columns import new_id
from headrace.store.experimental import Experiment
from headrace.traffic import Among, Arm, Slot

WAIT = "waiting"


@dataclass(frozen=True, slots=True)
class Stage:
    """What all that is written in one look has in common: the scene of its rollout, and the facts that were decided upon."""

    scene: Scene
    facts: Facts


def carry_out(stage: Stage, action: Action) -> Progress:  # noqa: PLR0911 - one a kind of action
    """Do what was decided, and announce it."""
    match action:
        case Idle():
            due.drop(stage.scene.session, stage.scene.model, FLOW)
            kept = record.standing_row(stage.scene.session, stage.scene.model)
            return say(stage, None, kept, "no candidate waits" if kept is None else "decided; its arms go on until a person ends it")
        case Wait():
            due.put(
                stage.scene.session,
                stage.scene.model,
                FLOW,
                stage.facts.now + stage.facts.declared.looks,
                f"its experiment waits: {action.reason}",
            )
            return say(stage, None, None, action.reason, state=WAIT)
        case Begin():
            return _begin(stage, action)
        case Change():
            return _change(stage, action)
        case Look():
            return _look(stage, action)
        case Promote():
            return _promote(stage, action)
        case Keep():
            return _keep(stage, action)
        case RollBack():
            return _roll_back(stage, action)
        case _:
            assert_never(action)


def say(stage: Stage, kind: EventKind | None, row: Experiment | None, reason: str, **more: object) -> Progress:
    """What came of a look: written to the log under the id that is announced, where it is of a kind that the log knows."""
    scene, identity = stage.scene, new_id()
    standing: dict[str, Any] = {"state": "none", "experiment": None, "number": None, "candidate": None, "champion": None}
    if row is not None:
        standing = {
            "state": row.state,
            "experiment": row.id,
            "number": row.number,
            "candidate": row.candidate,
            "champion": row.champion,
        }
    running, wanted = stage.facts.running, stage.facts.declared
    # What was changed and may not be while it runs, so that nobody believes that it holds.
    passed_over = [] if running is None else frozen(running.declared, wanted)
    payload = {"id": identity, "model": scene.model, **standing, "reason": reason, "frozen": passed_over, **more}
    if kind is None:
        return Progress(passed=False, event="headrace.experiment.looked", event_id=identity, payload=payload)
    events.append(scene.session, model=scene.model, kind=kind, payload=payload, at=scene.now, cause=scene.cause, id=identity)
    return Progress(passed=bool(more.get("promoted")), event=f"headrace.{kind.value}", event_id=identity, payload=payload)


def ended(stage: Stage, row: Experiment, state: State, verdict: str, reason: str) -> None:
    """Note the end of an experiment, before the weights move on."""
    row.state = moved(row.state, state).value
    weights = stage.facts.weights
    row.last_epoch = None if weights is None else last_epoch(row, weights)
    row.details = {**row.details, "kept": False, "verdict": verdict, "reason": reason, "ended_at": stage.facts.now.isoformat()}
    stage.scene.session.flush()


def _begin(stage: Stage, action: Begin) -> Progress:
    scene, declared, now = stage.scene, stage.facts.declared, stage.facts.now
    row = Experiment(
        model=scene.model,
        number=record.next_number(scene.session, scene.model),
        candidate=action.arms[CANDIDATE],
        champion=action.arms[CHAMPION],
        arms={name: {"version": version, "share": declared.arms[name]} for name, version in action.arms.items()},
        state=moved(State.PENDING, State.RUNNING).value,
        declared=declared.to_json(),
        first_epoch=0,
        started_at=now,
        enrols_until=now + declared.enrols,
        ends_at=now + declared.lasts,
        details={"look": min(now + declared.looks, now + declared.lasts).isoformat(), "looks": []},
    )
    weights = _dealt(stage, row, declared, action.slots, f"experiment {row.number}")
    row.first_epoch = weights.epoch
    scene.session.add(row)
    scene.session.flush()
    if rollouts.running_row(scene.session, scene.model) is None:
        begun(scene, row.candidate, row.champion, weights.epoch)
    _look_again(stage, row)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in declared.arms.items())
    return say(stage, EventKind.EXPERIMENT_STARTED, row, f"{shares} of {declared.coverage:.0%}", look=row.details["look"])


def _change(stage: Stage, action: Change) -> Progress:
    row = _standing(stage)
    _dealt(stage, row, action.declared, action.slots, f"experiment {row.number}: {action.reason}")
    row.declared = action.declared.to_json()
    row.arms = {name: {**arm, "share": action.declared.arms[name]} for name, arm in row.arms.items()}
    stage.scene.session.flush()
    _look_again(stage, row)
    return say(stage, EventKind.EXPERIMENT_CHANGED, row, action.reason)


def _look(stage: Stage, action: Look) -> Progress:
    row, kind = _standing(stage), None
    if action.closes:
        row.state, kind = moved(row.state, State.STOPPED_ENROLLING).value, EventKind.EXPERIMENT_ENROLLED
    if action.analysis is not None:
        _note(row, action.analysis, stage)
        row.details = {**row.details, "look": action.look.isoformat()}
        kind = EventKind.EXPERIMENT_LOOKED
    stage.scene.session.flush()
    _look_again(stage, row)
    return say(stage, kind, row, action.reason, look=row.details["look"], **_plain(action.analysis))


def _promote(stage: Stage, action: Promote) -> Progress:
    scene, row = stage.scene, record.standing_row(stage.scene.session, stage.scene.model)
    if row is None:
        return _first(stage, action)
    if action.analysis is not None:
        _note(row, action.analysis, stage)
    ended(stage, row, State.DECIDED, "win", str(row.details.get("won") or action.reason))
    rollout = rollouts.running_row(scene.session, scene.model)
    if rollout is not None and rollout.candidate == action.version:
        won(scene, rollout, "win", action.reason)
    else:
        everything_to(scene, action.version, action.reason)
        if rollout is not None:
            close(scene, rollout, "lose", f"`{action.arm}` has won")
        registry.promote(scene.session, model=scene.model, number=action.version, at=scene.now, reason=action.reason)
    return say(
        stage, EventKind.EXPERIMENT_DECIDED, row, row.details["reason"], verdict="win", winner=action.arm, promoted=action.version,
        **_plain(action.analysis),
    )  # fmt: skip


def _first(stage: Stage, action: Promote) -> Progress:
    """There is nothing to compare with: the rollout says that it was promoted, as it does without an experiment."""
    scene = stage.scene
    row = begun(scene, action.version, 0, 0)
    row.champion = None
    won(scene, row, "unjudged", action.reason)
    return told(scene, EventKind.ROLLOUT_PROMOTED, row, reason=action.reason, verdict="unjudged")


def _keep(stage: Stage, action: Keep) -> Progress:
    row = _standing(stage)
    _note(row, action.analysis, stage)
    row.state = moved(row.state, State.DECIDED).value
    details = {"kept": True, "verdict": action.verdict, "reason": action.reason, "ended_at": stage.facts.now.isoformat()}
    row.details = {**row.details, **details}
    stage.scene.session.flush()
    due.drop(stage.scene.session, stage.scene.model, FLOW)
    return say(stage, EventKind.EXPERIMENT_DECIDED, row, action.reason, verdict=action.verdict, kept=True, **_plain(action.analysis))


def _roll_back(stage: Stage, action: RollBack) -> Progress:
    scene, row = stage.scene, _standing(stage)
    if action.analysis is not None:
        _note(row, action.analysis, stage)
    failed = action.verdict == "failed" or row.state == State.DECIDED
    ended(stage, row, State.FAILED if failed else State.DECIDED, action.verdict, action.reason)
    champion = stage.facts.champion if stage.facts.champion is not None else row.champion
    everything_to(scene, champion, action.reason)
    rollout = rollouts.running_row(scene.session, scene.model)
    if rollout is not None:
        close(scene, rollout, action.verdict, action.reason)
    kind = EventKind.EXPERIMENT_FAILED if failed else EventKind.EXPERIMENT_DECIDED
    return say(stage, kind, row, action.reason, verdict=action.verdict, **_plain(action.analysis))


def _dealt(stage: Stage, row: Experiment, declared: Declared, slots: tuple[Slot, ...], reason: str) -> traffic.Weights:
    """A new epoch, in the arms' own order: the champion's first."""
    among = Among(row.id, declared.coverage, declared.layer, slots, declared.holdout)
    order = sorted(row.arms, key=lambda name: (name != CHAMPION, name != CANDIDATE, name))
    arms = [Arm(name, int(row.arms[name]["version"]), declared.arms[name]) for name in order]
    expected = None if stage.facts.weights is None else stage.facts.weights.epoch
    return traffic.set_weights(
        stage.scene.session, model=row.model, expected=expected, arms=arms, at=stage.facts.now, reason=reason, among=among
    )


def _note(row: Experiment, analysis: Analysis, stage: Stage) -> None:
    """What must not be forgotten from one look to the next: how much had come at each, so that no error is spent twice."""
    taken = {"at": stage.facts.now.isoformat(), "information": analysis.information, "verdict": analysis.verdict}
    row.details = {**row.details, "looks": [*row.details["looks"], taken], "last": _plain(analysis)["analysis"]}


def _plain(analysis: Analysis | None) -> dict[str, Any]:
    if analysis is None:
        return {}
    told = asdict(analysis) | {"at": analysis.at.isoformat(), "comparisons": [asdict(one) for one in analysis.comparisons]}
    return {"analysis": told}


def _look_again(stage: Stage, row: Experiment) -> None:
    """When the flow has something to do next: a look, or the end of the enrolment."""
    found = record.running(row)
    soonest = min(found.look, found.enrols_until) if found.enrolling else found.look
    due.put(stage.scene.session, row.model, FLOW, soonest, "the next look at the experiment")


def _standing(stage: Stage) -> Experiment:
    row = record.standing_row(stage.scene.session, stage.scene.model)
    if row is None:
        raise LookupError(f"model/{stage.scene.model} has no experiment that runs")
    return row
