"""What a generated `roll_out` flow calls: look at the rollout once, or let a candidate take over at once."""

from __future__ import annotations

from headrace import notify, rollout
from headrace.governance import in_force
from headrace.registry import attending
from headrace.rollout import Canary, Governed, Progress
from headrace.steps import run
from headrace.steps.workspace import Workspace, workspace
from headrace.store import clock

__all__ = ["advance", "replace"]


def advance(canary: Canary, *, model: str, cause: str | None = None) -> Progress:
    """Judge the rollout once and do what is to be done: begin, raise, hold, promote or roll back. A run of its own."""
    with workspace("roll_out") as w, run.running(w, model=model, flow="roll_out", cause=cause, last=True) as step:
        metrics = w.plugins.metrics
        progress = rollout.advance(w.store, canary, model=model, actor=w.actor, cause=cause, governed=_governed(w), metrics=metrics)
        step.details["progress"] = {"event": progress.event, "reason": progress.payload["reason"]}
        if progress.passed:
            w.witness()
        _attend(w)
        return progress


def replace(*, model: str, cause: str | None = None) -> Progress:
    """Make the candidate that passed its gates the champion at once. A run of its own."""
    with workspace("roll_out") as w, run.running(w, model=model, flow="roll_out", cause=cause, last=True) as step:
        progress = rollout.replace(w.store, model=model, actor=w.actor, cause=cause, governed=_governed(w))
        step.details["progress"] = {"event": progress.event, "reason": progress.payload["reason"]}
        if progress.passed:
            w.witness()
        _attend(w)
        return progress


def _attend(w: Workspace) -> None:
    """See to requests whose time has come, and send what is to be told; with nobody to agree and nothing to tell it reads and no more."""
    attending.attend(w.store, w.config.project, w.config.governance, w.config.environment, w.actor)
    notify.deliver(w.store, w.plugins, w.config.channels, clock.wall())


def _governed(w: Workspace) -> Governed:
    """Who must agree, as it was last applied, whoever started this run."""
    with w.store.read() as session:
        return Governed(w.config.environment, in_force(session, w.config.project, w.config.governance))
