"""The three ways a rollout moves: a look by its flow, a replacement without one, and a person who rolls back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlmodel import Session

from headrace import registry
from headrace.governance import Outcome
from headrace.rollout import approval, record
from headrace.rollout.approval import Governed
from headrace.rollout.canary import Canary, Progress
from headrace.rollout.carry_out import FLOW, Scene, carry_out, close, everything_to, told
from headrace.rollout.decide import Action, Facts, Idle, Promote, RollBack, decide, handing_over
from headrace.rollout.judgement import judge
from headrace.rollout.state import State
from headrace.store import EventKind, Store


def advance(
    store: Store, canary: Canary, *, model: str, actor: str, cause: str | None, governed: Governed = approval.UNGOVERNED
) -> Progress:
    """Judge the model's rollout once, do what is to be done, and say when the next look is due.

    Looking more often than is due costs nothing: every look is valid. `cause` is the event that this look answers. Where somebody must
    agree and has not, nothing moves, whoever started the look.
    """
    with store.transaction(actor, FLOW, f"model/{model}") as session:
        return look(session, canary, model=model, cause=cause, governed=governed)


def look(
    session: Session, canary: Canary, *, model: str, cause: str | None, governed: Governed = approval.UNGOVERNED, compared: bool = False
) -> Progress:
    """`advance` within a transaction; where an experiment is to follow (`compared`), evidence of no harm hands over to it."""
    row = record.running_row(session, model)
    if row is not None and row.state == State.COMPARING:
        return _once(session, model, cause, canary, governed, _forgotten)
    return _once(session, model, cause, canary, governed, handing_over if compared else decide)


def _forgotten(facts: Facts) -> Action:
    """Whoever was handed over to an experiment that is declared no more is not promoted by what came before it."""
    judged = judge(facts.canary, facts.counts, (), None)
    return RollBack("failed", "the experiment that was to decide on it is declared no more", judged)


def replace(store: Store, *, model: str, actor: str, cause: str | None, governed: Governed = approval.UNGOVERNED) -> Progress:
    """Make the candidate the champion at once: what a model without the section `rollout` does, once all agree who must.

    A rollout that is running since before the section was taken away ends with it.
    """
    with store.transaction(actor, FLOW, f"model/{model}") as session:
        row = record.running_row(session, model)
        if row is not None and row.state == State.COMPARING:
            return _once(session, model, cause, _UNJUDGED, governed, _forgotten)

        def action(facts: Facts) -> Action:
            number = registry.aliases(session, model).get(registry.CANDIDATE)
            return Idle() if number in {None, facts.champion} else Promote(int(number or 0), None, "no rollout is declared")

        return _once(session, model, cause, _UNJUDGED, governed, action)


def _once(  # noqa: PLR0917 - what a look is made of
    session: Session, model: str, cause: str | None, canary: Canary, governed: Governed, choose: Callable[[Facts], Action]
) -> Progress:
    """One look: what is to be done, unless somebody must agree to it first; what a vote or a waiver's end ended is gone by then."""
    facts = record.facts(session, canary, model)
    scene, action = Scene(session, model, facts.now, cause, facts.weights, canary), choose(facts)
    if approval.expired(scene, action):
        return carry_out(scene, choose(record.facts(session, canary, model)))
    standing = approval.asked(scene, governed, action)
    if standing is None or standing.outcome is Outcome.APPROVED:
        return carry_out(scene, action)
    if standing.outcome in {Outcome.WAITING, Outcome.REFUSED}:
        return approval.wait(scene, standing)
    return carry_out(scene, choose(record.facts(session, canary, model)))


def roll_back(store: Store, *, model: str, actor: str, reason: str) -> dict[str, Any]:
    """End a rollout that is running, and put the previous champion back: `champion` answers now, `was` no more.

    Where no champion came before, ending the rollout is all. HeadraceError `no-previous` (exit 4) where there is neither.
    """
    with store.transaction(actor, "roll back", f"model/{model}", reason=reason) as session:
        facts = record.facts(session, _UNJUDGED, model)
        scene = Scene(session, model, facts.now, None, facts.weights, _UNJUDGED)
        running, was = record.running_row(session, model), facts.champion
        if running is None or registry.PREVIOUS in registry.aliases(session, model):
            registry.rollback(session, model, facts.now, reason)
        else:
            was = running.candidate
        champion = registry.aliases(session, model)[registry.CHAMPION]
        everything_to(scene, champion, reason)
        promoted = None if was is None else record.promoted_row(session, model, was)
        for row in (running, promoted):
            if row is not None:
                close(scene, row, "by hand", reason)
        told(scene, EventKind.ROLLOUT_ROLLED_BACK, running or promoted, reason=reason, verdict="by hand", candidate=was, champion=champion)
        return {"model": model, "champion": champion, "was": was, "canary": running.candidate if running is not None else None}


_UNJUDGED = Canary(unit="", steps=(), judge=())
