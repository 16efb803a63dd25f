"""What a generated `roll_out` flow calls: look at the rollout once, or let a candidate take over at once."""

from __future__ import annotations

from headrace import rollout
from headrace.rollout import Canary, Progress
from headrace.steps import run
from headrace.steps.workspace import workspace

__all__ = ["advance", "replace"]


def advance(canary: Canary, *, model: str, cause: str | None = None) -> Progress:
    """Judge the rollout once and do what is to be done: begin, raise, hold, promote or roll back. A run of its own."""
    with workspace("roll_out") as w, run.running(w, model=model, flow="roll_out", cause=cause, last=True) as step:
        progress = rollout.advance(w.store, canary, model=model, actor=w.actor, cause=cause)
        step.details["progress"] = {"event": progress.event, "reason": progress.payload["reason"]}
        if progress.passed:
            w.witness()
        return progress


def replace(*, model: str, cause: str | None = None) -> Progress:
    """Make the candidate that passed its gates the champion at once. A run of its own."""
    with workspace("roll_out") as w, run.running(w, model=model, flow="roll_out", cause=cause, last=True) as step:
        progress = rollout.replace(w.store, model=model, actor=w.actor, cause=cause)
        step.details["progress"] = {"event": progress.event, "reason": progress.payload["reason"]}
        if progress.passed:
            w.witness()
        return progress
