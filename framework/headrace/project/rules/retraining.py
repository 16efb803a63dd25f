"""Every trigger has one cause, and that cause can come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from headrace.diagnostics import Diagnostic
from headrace.document import Scalar, inside
from headrace.project.rules.alerts import bad_condition
from headrace.project.scope import Scope, address_of
from headrace.spec import Model, cron
from headrace.spec.expression import ExpressionError, Truth, parse
from headrace.spec.retraining import Retraining
from headrace.spec.wording import nearest

_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def check(scope: Scope) -> Iterator[Diagnostic]:
    """All triggers of all models."""
    for model in scope.of(Model):
        here = address_of(model)
        if model.retraining and model.monitoring is None:
            message = f"{here} is to be retrained, and nothing would ever ask: its triggers are asked after `monitoring`"
            help_ = "write for example `monitoring: {window: {rows: 2000}}`"
            yield Diagnostic("retraining-without-monitoring", message, scope.where(here, ("retraining",), key=True), help=help_)
        for position, trigger in enumerate(model.retraining):
            yield from _trigger(scope, model, position, trigger)


def _trigger(scope: Scope, model: Model, position: int, trigger: Retraining) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("retraining", position)
    if (trigger.when is None) == (trigger.schedule is None):
        said = "both `when` and `schedule`: one trigger has one cause" if trigger.when is not None else "neither `when` nor `schedule`"
        place = scope.where(here, (*path, "schedule") if trigger.when is not None else path, key=True)
        yield Diagnostic(
            "trigger-cause", f"trigger `{trigger.id}` has {said}", place, help='write `when: "alert.ID"` or `schedule: "0 3 * * 1"`'
        )
    if trigger.schedule is not None:
        yield from _schedule(scope, model, position, trigger.schedule)
    if trigger.when is not None:
        yield from _when(scope, model, position, trigger.when)


def _schedule(scope: Scope, model: Model, position: int, schedule: str) -> Iterator[Diagnostic]:
    place = scope.where(address_of(model), ("retraining", position, "schedule"))
    try:
        line = cron.parse(schedule)
    except ValueError as error:
        yield Diagnostic("bad-cron", str(error), place, help='write for example "0 3 * * 1"')
        return
    if line.next(_SOME_DAY) is None:
        yield Diagnostic("bad-cron", f"`{schedule}` never comes: no month has such a day", place, help='write for example "0 3 * * 1"')


def _when(scope: Scope, model: Model, position: int, when: str) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("retraining", position, "when")
    try:
        root = parse(when).root
    except ExpressionError as error:
        yield bad_condition(scope, model, path, error)
        return
    if not isinstance(root, Truth) or not root.name.startswith("alert."):
        message = "a retraining is asked for by one alert of the same model"
        yield Diagnostic("bad-condition", message, scope.where(here, path), help='write `when: "alert.ID"`')
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
        help=f"write `alert.{meant}`" if meant else f"its alerts are {', '.join(ids) or 'none'}",
        replacement=f"alert.{meant}" if meant else None,
    )
