"""Every trigger has one cause, and that cause can come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from headrace.diagnostics import Diagnostic, Severity
from headrace.document import Scalar, inside
from headrace.project.rules.alerts import bad_condition
from headrace.project.rules.schedules import SOME_DAY
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model, cron
from headrace.spec.expression import ExpressionError, Truth, parse
from headrace.spec.quantity import write_duration
from headrace.spec.retraining import Retraining
from headrace.spec.wording import certain, listed, nearest

_NEVER = timedelta(days=366 * 9)


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All triggers of all models."""
    for model in scope.of(Model):
        yield from _asked_for(scope, model)
        yield from _triggers(scope, model)


@question
def _asked_for(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here = address_of(model)
    if model.monitoring is None and any(trigger.when is not None for trigger in model.retraining):
        message = f"{here} is to be retrained by an alert, and nothing would ever fire one: `monitoring` does"
        help_ = "write for example `monitoring: {window: {rows: 2000}}`, or retrain by a `schedule` alone"
        yield Diagnostic("retraining-without-monitoring", message, scope.where(here, ("retraining",), key=True), help=help_)


@question
def _triggers(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, trigger in enumerate(model.retraining):
        yield from _trigger(scope, model, position, trigger)
        yield from _outpaces(scope, model, position, trigger)
        yield from _when(scope, model, position, trigger)


@question
def _trigger(scope: Scope, model: Model, position: int, trigger: Retraining) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("retraining", position)
    if (trigger.when is None) == (trigger.schedule is None):
        said = "both `when` and `schedule`: one trigger has one cause" if trigger.when is not None else "neither `when` nor `schedule`"
        place = scope.where(here, (*path, "schedule") if trigger.when is not None else path, key=True)
        alerts = model.monitoring.alerts if model.monitoring is not None else ()
        own = trigger.when or next((f"alert.{alert.id}" for alert in alerts), '"alert.ID"')
        help_ = f'write `when: {own}` or `schedule: "{trigger.schedule or "0 3 * * 1"}"`'
        yield Diagnostic("trigger-cause", f"trigger `{trigger.id}` has {said}", place, help=help_)


@question
def _outpaces(scope: Scope, model: Model, position: int, trigger: Retraining) -> Iterator[Diagnostic]:
    """Whether a candidate is replaced before it can be decided on."""
    lasts, why = _deciding(model)
    if trigger.while_deciding != "replace" or not lasts:
        return
    apart = max(_longest_pause(trigger.schedule), trigger.cooldown) if trigger.schedule is not None else trigger.cooldown
    if apart >= lasts:
        return
    pace = (
        f"may be replaced every {write_duration(trigger.cooldown)}" if trigger.schedule is None else f"is replaced by `{trigger.schedule}`"
    )
    yield Diagnostic(
        "retraining-outpaces",
        f"a candidate {pace}, and {why} {write_duration(lasts)}: none would ever be decided on",
        scope.where(address_of(model), ("retraining", position, "while_deciding")),
        help=f"write `while_deciding: wait`, or `cooldown: {write_duration(lasts)}`",
        severity=Severity.WARNING if trigger.schedule is None else Severity.ERROR,
    )


def _deciding(model: Model) -> tuple[timedelta, str]:
    """How long a candidate is decided on at least, and what takes so long."""
    rollout = sum((step.hold for step in model.rollout.steps), timedelta()) if model.rollout is not None else timedelta()
    if model.rollout is not None and model.rollout.bake is not None:
        rollout += model.rollout.bake.for_
    if model.experiment is None:
        return rollout, "its rollout takes"
    return rollout + model.experiment.for_, "its experiment ends after" if model.rollout is None else "rollout and experiment take"


def _longest_pause(schedule: str) -> timedelta:
    """At least the longest time between two ticks within a year."""
    try:
        line = cron.parse(schedule)
    except ValueError:
        return _NEVER
    # A day more than between the days on which it ticks: the hours need not be looked at, and many lines share their days.
    return _pause(replace(line, text="", minutes=frozenset({0}), hours=frozenset({0})))


@lru_cache(maxsize=1024)
def _pause(line: cron.Cron) -> timedelta:
    if not line.comes:
        return _NEVER
    longest, day = timedelta(), SOME_DAY
    while day < SOME_DAY + timedelta(days=366):
        tick = line.next(day)
        if tick is None:
            return _NEVER
        longest, day = max(longest, tick - day), tick
    return longest + timedelta(days=1)


def _by_alert(model: Model, text: str) -> str:
    """The alert that is meant: it has that name, or asks for the same."""
    alerts = model.monitoring.alerts if model.monitoring is not None else ()
    for alert in alerts:
        if text.strip() in (alert.id, alert.when.strip(), f"alerts.{alert.id}"):
            return f"write `when: alert.{alert.id}`"
    if len(alerts) == 1:
        return f"write `when: alert.{alerts[0].id}`"
    return "write an alert with this condition in `monitoring.alerts`, and here `when: alert.ID` with its id"


@question
def _when(scope: Scope, model: Model, position: int, trigger: Retraining) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("retraining", position, "when")
    if trigger.when is None:
        return
    try:
        root = parse(trigger.when).root
    except ExpressionError as error:
        yield bad_condition(scope, model, path, error)
        return
    if not isinstance(root, Truth) or not root.name.startswith("alert."):
        message = "a retraining is asked for by one alert of the same model"
        yield Diagnostic("bad-condition", message, scope.where(here, path), help=_by_alert(model, trigger.when))
        return
    if model.monitoring is None:
        return
    name, ids = root.name.removeprefix("alert."), [alert.id for alert in model.monitoring.alerts]
    if name in ids:
        return
    node = scope.node(here, path)
    place = inside(node, root.start, root.start + len(root.name)) if isinstance(node, Scalar) else scope.where(here, path)
    meant = nearest(name, ids)
    yield Diagnostic(
        "unknown-alert",
        f"{here} has no alert `{name}`",
        place,
        caret=f"did you mean `alert.{meant}`?" if meant else None,
        help=f"write `alert.{meant}`" if meant else f"its alerts are {listed(ids) or 'none'}",
        replacement=f"alert.{meant}" if meant else None,
        certain=certain(name, ids, shortest=5),
    )
