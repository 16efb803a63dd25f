"""What a generated `monitor` flow calls first: look at the windows, then judge the alerts."""

from __future__ import annotations

from datetime import timedelta

from headrace import notify
from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows, alerts
from headrace.monitoring import measure as looks
from headrace.steps import run
from headrace.steps.workspace import workspace
from headrace.store import clock

__all__ = ["alert", "measure"]


def measure(
    *,
    model: str,
    window: int,
    every: timedelta,
    drift: Drift | None = None,
    performance: Performance | None = None,
    delay: timedelta | None = None,
    cause: str | None = None,
) -> Windows:
    """Drift, estimated and realised performance of the windows (of `window` predictions) that are due; starts the run.

    `delay` is how long after a row's time its answer is known: once it has passed, a window is judged by the answers that there are.
    """
    with workspace("monitor") as w, run.running(w, model=model, flow="monitor", cause=cause) as step:
        watch = looks.Watch(model, window, every, drift, performance, delay)
        windows = looks.measure(w.store, w.plugins, watch, actor=w.actor, run_id=step.id)
        step.details["windows"] = {"closed": windows.closed, "labelled": windows.labelled, **windows.summary}
        return windows


def alert(windows: Windows, *rules: Alert) -> Alerts:
    """Which alerts fire and which are over; those to be told are told. Ends the run, unless triggers of a retraining are asked after it."""
    with workspace("monitor") as w, run.running(w, model=windows.model, flow="monitor", run_id=windows.run_id, last=True) as step:
        judged = alerts.judge(w.store, windows, rules, actor=w.actor)
        step.details["alerts"] = {"firing": judged.firing, "fired": judged.fired, "resolved": judged.resolved}
        step.details["delivered"] = notify.deliver(w.store, w.plugins, w.config.channels, clock.wall())
        return judged
