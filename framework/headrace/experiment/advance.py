"""The ways an experiment moves: a look by the flow `roll_out`, which moves its rollout before, and a person who stops it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlmodel import Session

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.experiment import record
from headrace.experiment.carry_out import Stage, carry_out, ended, say
from headrace.experiment.decide import Action, Begin, Promote, decide, looks
from headrace.experiment.declared import Declared, parsed
from headrace.experiment.look import Looking
from headrace.experiment.state import State
from headrace.governance import Outcome, Standing
from headrace.registry import admission
from headrace.rollout import Canary, Governed, Progress
from headrace.rollout import record as rollouts
from headrace.rollout.advance import look as look_at_rollout
from headrace.rollout.approval import AWAITING, REFUSED
from headrace.rollout.carry_out import FLOW, Scene, close, everything_to
from headrace.store import EventKind, Store, due
from headrace.store.experimental import Experiment

_UNJUDGED = Canary(unit="", steps=(), judge=())
_UNGOVERNED = Governed()


def advance(
    store: Store,
    declared: Declared,
    *,
    model: str,
    actor: str,
    cause: str | None,
    looking: Looking,
    canary: Canary | None = None,
    governed: Governed = _UNGOVERNED,
) -> Progress:
    """Look once at the model's rollout, where one is declared and has not ended, or else at its experiment, and do what is to be done.

    A rollout whose metrics all passed hands its candidate over, and the experiment begins in the same transaction. What a look cannot
    measure raises: then nothing moves.
    """
    with store.transaction(actor, FLOW, f"model/{model}") as session:
        if canary is not None and not _handed_over(session, model):
            progress = look_at_rollout(session, canary, model=model, cause=cause, governed=governed, compared=True)
            if not _handed_over(session, model):
                return progress
        return _once(session, model, cause, declared=declared, canary=canary, governed=governed, looking=looking)


def stop(store: Store, *, model: str, actor: str, reason: str) -> dict[str, Any]:
    """End the experiment that runs, or whose arms were kept: the champion answers everything, and the candidate is rejected.

    HeadraceError `no-experiment-runs` (exit 4) where there is none.
    """
    with store.transaction(actor, "stop the experiment", f"model/{model}", reason=reason) as session:
        row = record.standing_row(session, model)
        if row is None:
            help_ = f"`headrace experiment status {model}` says what there was"
            raise HeadraceError(Diagnostic("no-experiment-runs", f"no experiment of model/{model} runs", help=help_), Exit.REFUSED)
        facts = record.facts(session, parsed(row.declared), None, model)
        stage = Stage(Scene(session, model, facts.now, None, facts.weights, _UNJUDGED), facts)
        ended(stage, row, State.STOPPED, "by hand", reason)
        champion = facts.champion if facts.champion is not None else row.champion
        everything_to(stage.scene, champion, reason)
        rolled = rollouts.running_row(session, model)
        if rolled is not None:
            close(stage.scene, rolled, "by hand", reason)
        say(stage, EventKind.EXPERIMENT_STOPPED, row, reason)
        return {"model": model, "experiment": row.number, "champion": champion, "candidate": row.candidate, "reason": reason}


def _handed_over(session: Session, model: str) -> bool:
    return record.standing_row(session, model) is not None or record.compares(rollouts.running_row(session, model))


def _once(
    session: Session, model: str, cause: str | None, *, declared: Declared, canary: Canary | None, governed: Governed, looking: Looking
) -> Progress:
    """One look: what is to be done, unless somebody must agree to it first; what a vote or a waiver's end ended is gone by then."""
    stage, action = _decided(session, model, cause, declared, canary, looking)
    number = _entering(action)
    if number is None:
        return carry_out(stage, action)
    if admission.expired(session, model, number, now=stage.facts.now) is not None:
        return carry_out(*_decided(session, model, cause, declared, canary, None))
    standing = admission.admit(session, governed.governance, governed.environment, model, number, now=stage.facts.now, cause=cause)
    if standing is None or standing.outcome is Outcome.APPROVED:
        return carry_out(stage, action)
    if standing.outcome in {Outcome.WAITING, Outcome.REFUSED}:
        return _wait(stage, action, standing)
    return carry_out(*_decided(session, model, cause, declared, canary, None))


def _decided(  # noqa: PLR0917 - what a decision is made of
    session: Session, model: str, cause: str | None, declared: Declared, canary: Canary | None, looking: Looking | None
) -> tuple[Stage, Action]:
    facts = record.facts(session, declared, canary, model)
    row = record.standing_row(session, model)
    if looking is not None and row is not None and looks(facts):
        facts = replace(facts, analysis=looking(session, row, parsed(row.declared), facts.now))
    return Stage(Scene(session, model, facts.now, cause, facts.weights, canary or _UNJUDGED), facts), decide(facts)


def _entering(action: Action) -> int | None:
    """The version that would get traffic, or all of it."""
    match action:
        case Begin(arms=arms):
            return arms["candidate"]
        case Promote(version=version):
            return version
        case _:
            return None


def _wait(stage: Stage, action: Action, standing: Standing) -> Progress:
    """Move nothing, and say what is waited for; a win is remembered, so that it need not be found again."""
    session, model, request = stage.scene.session, stage.scene.model, standing.request
    row = record.standing_row(session, model)
    if row is not None and isinstance(action, Promote) and action.analysis is not None:
        _remember(row, action)
        session.flush()
    due.put(session, model, FLOW, stage.facts.now + stage.facts.declared.looks, "its experiment waits for approval")
    state = AWAITING if standing.outcome is Outcome.WAITING else REFUSED
    return say(stage, None, row, f"{state}: {standing.reason}", state=state, waits=request.number, request=request.id)


def _remember(row: Experiment, action: Promote) -> None:
    row.details = {**row.details, "winner": action.arm, "won": action.reason}
