"""What a generated `roll_out` flow calls where an experiment follows: look once, at the rollout until it has passed, and then at that."""

from __future__ import annotations

from headrace import experiment, notify
from headrace.experiment import Declared
from headrace.governance import in_force
from headrace.registry import attending
from headrace.rollout import Canary, Governed, Progress
from headrace.steps import run
from headrace.steps.workspace import workspace
from headrace.store import clock

__all__ = ["advance"]


def advance(declared: Declared, canary: Canary | None = None, *, model: str, cause: str | None = None) -> Progress:
    """Look once and do what is to be done: begin, go on, promote, keep or roll back. A run of its own.

    With `canary` the candidate passes its rollout first; without, it is compared as soon as its gates let it through.
    """
    with workspace("roll_out") as w, run.running(w, model=model, flow="roll_out", cause=cause, last=True) as step:
        with w.store.read() as session:
            governed = Governed(w.config.environment, in_force(session, w.config.project, w.config.governance))
        looking = experiment.looking(w.plugins)
        progress = experiment.advance(
            w.store, declared, model=model, actor=w.actor, cause=cause, looking=looking, canary=canary, governed=governed
        )
        step.details["progress"] = {"event": progress.event, "reason": progress.payload["reason"]}
        if progress.passed:
            w.witness()
        attending.attend(w.store, w.config.project, w.config.governance, w.config.environment, w.actor)
        notify.deliver(w.store, w.plugins, w.config.channels, clock.wall())
        return progress
