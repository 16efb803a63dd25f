"""What a generated `monitor` flow calls last, or alone: decide whether a new candidate is due."""

from __future__ import annotations

from headrace.monitoring import Alerts
from headrace.retraining import Decision, Trigger, carry
from headrace.steps import run
from headrace.steps.workspace import workspace

__all__ = ["ask", "decide"]


def decide(alerts: Alerts, *triggers: Trigger) -> Decision:
    """Whether to train now, and why; the flow announces a decision that passed, and the training starts by that event."""
    with workspace("monitor") as w, run.running(w, model=alerts.model, flow="monitor", run_id=alerts.run_id, last=True):
        return carry.carry_out(w.store, triggers, model=alerts.model, run_id=alerts.run_id, actor=w.actor)


def ask(*triggers: Trigger, model: str, cause: str | None = None) -> Decision:
    """The same where nothing is monitored: the whole of a run, by schedules alone."""
    with workspace("monitor") as w, run.running(w, model=model, flow="monitor", cause=cause, last=True) as step:
        return carry.carry_out(w.store, triggers, model=model, run_id=step.id, actor=w.actor)
