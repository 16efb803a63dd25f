"""The three ways a rollout moves: a look by its flow, a replacement without one, and a person who rolls back."""

from __future__ import annotations

from typing import Any

from headrace import registry
from headrace.rollout import record
from headrace.rollout.canary import Canary, Progress
from headrace.rollout.carry_out import FLOW, Scene, carry_out, close, everything_to, told
from headrace.rollout.decide import Idle, Promote, decide
from headrace.store import EventKind, Store


def advance(store: Store, canary: Canary, *, model: str, actor: str, cause: str | None) -> Progress:
    """Judge the model's rollout once, do what is to be done, and say when the next look is due.

    Looking more often than is due costs nothing: every look is valid. `cause` is the event that this look answers.
    """
    with store.transaction(actor, FLOW, f"model/{model}") as session:
        facts = record.facts(session, canary, model)
        return carry_out(Scene(session, model, facts.now, cause, facts.weights, canary), decide(facts))


def replace(store: Store, *, model: str, actor: str, cause: str | None) -> Progress:
    """Make the candidate the champion at once: what a model without the section `rollout` does.

    A rollout that is running since before the section was taken away ends with it.
    """
    with store.transaction(actor, FLOW, f"model/{model}") as session:
        facts = record.facts(session, _UNJUDGED, model)
        number = registry.aliases(session, model).get(registry.CANDIDATE)
        action = Idle() if number in {None, facts.champion} else Promote(int(number or 0), None, "no rollout is declared")
        return carry_out(Scene(session, model, facts.now, cause, facts.weights, _UNJUDGED), action)


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
