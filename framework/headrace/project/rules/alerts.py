"""Every alert reads quantities that something computes, and watched features exist."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from math import inf

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Span
from headrace.document import Scalar, inside
from headrace.project.inputs import inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.rules.quantities import Kind, other_kind
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Model
from headrace.spec.expression import Compare, ExpressionError, Same, Truth, mend, parse
from headrace.spec.monitoring import Alert, Monitoring
from headrace.spec.wording import certain, nearest

QUANTITIES = ("drift.share", "drift.max", "drift.critical", "unseen.share")
"""Quantities of every window; `performance.METRIC` and `estimate.METRIC` are the others."""


def quantities(*, drift: bool, metric: str | None, estimated: bool) -> dict[str, str]:
    """What conditions may read of a model's windows, each with what it is; `metric` is that of `performance`, if there is one."""
    found = {"unseen.share": "The share of the window's values that training never saw."}
    if drift:
        found |= {
            "drift.share": "The share of the watched features, the answers among them, that drifted.",
            "drift.max": "The largest effect of a drift that is significant; 0 where none is.",
            "drift.critical": "How many features drifted critically.",
        }
    if metric is not None:
        found[f"performance.{metric}"] = f"`{metric}` of the window, from the answers that are known; missing until enough of them are."
    if metric is not None and estimated:
        found[f"estimate.{metric}"] = f"`{metric}` of the window, estimated before its answers are known."
    return found


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """The monitoring of all models."""
    for model in scope.of(Model):
        yield from _monitoring(scope, model)


@question
def _monitoring(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.monitoring is None:
        return
    yield from _window(scope, model, model.monitoring)
    yield from _effect(scope, model, model.monitoring)
    yield from _drift(scope, model, model.monitoring)
    for position, alert in enumerate(model.monitoring.alerts):
        yield from _condition(scope, model, position, alert)


def bad_condition(scope: Scope, model: Model, path: Path, error: ExpressionError) -> Diagnostic:
    """A condition that cannot be read, at its column inside the string."""
    node = scope.node(address_of(model), path)
    place = inside(node, error.start, error.end) if isinstance(node, Scalar) else scope.where(address_of(model), path)
    written = mend(error, node.text) if isinstance(node, Scalar) else error.instead
    return Diagnostic(
        "bad-condition",
        error.message,
        place,
        help=f"write `{written}`" if written else "write a name, a comparison and a value, such as `drift.share > 5%`",
        replacement=error.instead,
    )


@question
def _effect(scope: Scope, model: Model, monitoring: Monitoring) -> Iterator[Diagnostic]:
    drift = monitoring.drift
    if drift is not None and drift.effect.critical < drift.effect.warning:
        place = scope.where(address_of(model), ("monitoring", "drift", "effect", "critical"))
        message = f"`critical` ({drift.effect.critical:g}) is below `warning` ({drift.effect.warning:g})"
        yield Diagnostic("empty-range", message, place, help="write the greater of both as `critical`")


@question
def _drift(scope: Scope, model: Model, monitoring: Monitoring) -> Iterator[Diagnostic]:
    drift = monitoring.drift
    if drift is None or drift.features == "all" or not known(scope, model):
        return
    kinds = {item.name: item.type for item in inputs(scope, model)}
    for position, name in enumerate(drift.features):
        yield from _watched(scope, model, position, name, kinds)


@question
def _watched(scope: Scope, model: Model, position: int, name: str, kinds: Mapping[str, str | None]) -> Iterator[Diagnostic]:
    path, names = ("monitoring", "drift", "features", position), [other for other, kind in kinds.items() if kind != "text"]
    if kinds.get(name) == "text":
        message = f"`{name}` is a text, and drift is of numbers and categories"
        yield Diagnostic("wrong-column-type", message, scope.where(address_of(model), path), help="leave it out")
    elif name not in names:
        yield _dropped(scope, model, path, name) or unknown_feature(scope, address_of(model), path, name, names)


@question
def _condition(scope: Scope, model: Model, position: int, alert: Alert) -> Iterator[Diagnostic]:
    path = ("monitoring", "alerts", position, "when")
    try:
        condition = parse(alert.when)
    except ExpressionError as error:
        yield bad_condition(scope, model, path, error)
        return
    for leaf in condition.leaves():
        yield from _leaf(scope, model, path, alert, leaf)


@question
def _leaf(scope: Scope, model: Model, path: Path, alert: Alert, leaf: Compare | Same | Truth) -> Iterator[Diagnostic]:
    monitoring = model.monitoring
    if monitoring is None:
        return
    node, end = scope.node(address_of(model), path), leaf.start + len(leaf.name)
    place = inside(node, leaf.start, end) if isinstance(node, Scalar) else scope.where(address_of(model), path)
    if _of_unknown_metric(scope, leaf.name, monitoring):
        return  # the metric that is measured is misspelt, which was said
    missing = _missing(leaf.name, monitoring)
    if leaf.name not in QUANTITIES and leaf.name not in _names(monitoring) and missing is None:
        yield _unknown(scope, monitoring, alert, leaf, place)
    elif missing is not None:
        message = f"`{alert.id}` reads `{leaf.name}`, which nothing computes: {missing[0]}"
        yield Diagnostic("alert-never-fires", message, place, help=missing[1])
    elif isinstance(leaf, Truth):
        yield Diagnostic("bad-condition", f"`{leaf.name}` is a number: compare it", place, help=f"write for example `{leaf.name} > 5%`")
    elif isinstance(leaf, Compare):
        yield from _compared(scope, alert, leaf, place)


def _unknown(scope: Scope, monitoring: Monitoring, alert: Alert, leaf: Compare | Same | Truth, place: Span) -> Diagnostic:
    """A quantity that there is not; with the one that was meant, the value is judged as well."""
    known, other = _names(monitoring), _quantity(scope, leaf.name, monitoring)
    meant = (nearest(leaf.name, known) or _more_words(leaf.name, known)) if other is None else None
    help_ = other or f"there are {', '.join(sorted(known))}"
    if meant is not None and isinstance(leaf, Compare):
        whole = replace(leaf, name=meant)
        better = next((found.help for found in _compared(scope, alert, whole, place) if (found.help or "").startswith("write ")), None)
        help_ = better or f"write `{meant} {leaf.operator} {leaf.quantity}`"
    return Diagnostic(
        "unknown-quantity",
        f"no window has a quantity `{leaf.name}`",
        place,
        caret=f"did you mean `{meant}`?" if meant else None,
        help=help_,
        replacement=meant,
        certain=certain(leaf.name, known),
    )


def _more_words(name: str, known: list[str]) -> str | None:
    """The one that a name says, with more words than it has: `drift.share_of_drifted_columns` is `drift.share`."""
    given = set(re.split(r"[._]", name.casefold()))
    found = sorted((len(words), other) for other in known if (words := set(re.split(r"[._]", other))) <= given)
    return found[-1][1] if found and (len(found) == 1 or found[-2][0] < found[-1][0]) else None


def _quantity(scope: Scope, name: str, monitoring: Monitoring) -> str | None:
    """What to write for the name of a detector or of a metric alone."""
    plugins, measured = scope.plugins, monitoring.performance
    if plugins is None:
        return None
    if name in plugins.detectors or name.partition(".")[2] in plugins.detectors:
        return "write `drift.max` for the largest drift of a feature, or `drift.share` for how many drift"
    metric = plugins.metrics.get(name.rpartition(".")[2])
    if metric is None:
        return None
    if measured is not None and measured.metric == metric.name:
        return f"write `performance.{metric.name}`"
    if metric.needs != "probability":
        return f"a window does not measure it: a gate judges `{metric.name}`, and a rollout's judge `slow_request` and `error_rate`"
    return f"write `performance.{metric.name}`, and `performance: {{metric: {metric.name}}}` in `monitoring`"


@question
def _compared(scope: Scope, alert: Alert, leaf: Compare, place: Span) -> Iterator[Diagnostic]:
    """A quantity against a value of another kind, or against one that it never reaches."""
    section, _, word = leaf.name.partition(".")
    kind: Kind = "share" if word == "share" else "count" if (section, word) == ("drift", "critical") else "number"
    found = other_kind(leaf, kind, place)
    if found is not None:
        yield found
    else:
        yield from _beyond(scope, alert, leaf, place)


@question
def _beyond(scope: Scope, alert: Alert, leaf: Compare, place: Span) -> Iterator[Diagnostic]:
    """A comparison that holds always or never, since no value of the quantity lies on the other side of the bound."""
    (low, high), bound, operator = _range(scope, leaf.name), leaf.quantity.value, leaf.operator
    if bound > high or (bound == high and operator in (">", "<=")):
        holds = operator in ("<", "<=", "!=")
    elif bound < low or (bound == low and operator in ("<", ">=")):
        holds = operator in (">", ">=", "!=")
    else:
        return
    what = "a share" if leaf.name.endswith(".share") else "which lies"
    said = f"`{alert.id}` compares `{leaf.name}`, {what} between {low:g} and {high:g}, with {leaf.quantity}"
    percent = high == 1 and not leaf.quantity.unit and 2 <= bound <= 100  # noqa: PLR2004 - percent; 1.7 is none
    mend = (
        f"write `{leaf.name} {operator} {leaf.quantity.number:g}%`" if percent else f"compare it with a value between {low:g} and {high:g}"
    )
    if holds:
        yield Diagnostic("alert-always-fires", f"{said}: that always holds", place, help=mend)
    else:
        yield Diagnostic("alert-never-fires", f"{said}: that never holds", place, help=mend)


def _range(scope: Scope, name: str) -> tuple[float, float]:
    """The least and the greatest value of a quantity."""
    section, _, word = name.partition(".")
    if word == "share":
        return 0.0, 1.0
    if section in ("performance", "estimate"):
        metric = scope.plugins.metrics.get(word) if scope.plugins is not None else None
        return metric.range if metric is not None else (-inf, inf)
    return 0.0, inf


@question
def _window(scope: Scope, model: Model, monitoring: Monitoring) -> Iterator[Diagnostic]:
    window = monitoring.window
    if (window.rows is None) == (window.every is None):
        said = "both `rows` and `every`" if window.rows is not None else "neither `rows` nor `every`"
        place = scope.where(address_of(model), ("monitoring", "window", "every" if window.rows is not None else "rows"), key=True)
        message = f"`window` has {said}: a window ends by one of them"
        yield Diagnostic("window-size", message, place, help="write for example `window: {rows: 2000}`")


def _dropped(scope: Scope, model: Model, path: Path, name: str) -> Diagnostic | None:
    """A watched feature that a view has and the model does not use."""
    views = (scope.get(FeatureView, Address("feature_view", view)) for view in model.features.use)
    view = next((view for view in views if view is not None and name in view.features), None)
    if view is None:
        return None
    related = (scope.where(address_of(model), ("features", "use", view.name), key=True),)
    message = f"`{name}` is watched, and training drops it: {address_of(model)} does not use it"
    mend = f"name `{name}` in `features.use.{view.name}`, or watch it no longer"
    if model.features.use[view.name] == "all":
        mend = "watch it no longer: `all` leaves it out"
    return Diagnostic("monitored-feature-dropped", message, scope.where(address_of(model), path), help=mend, related=related)


def _of_unknown_metric(scope: Scope, name: str, monitoring: Monitoring) -> bool:
    """Whether a quantity is of a metric, and the one that is measured is none."""
    section, measured = name.partition(".")[0], monitoring.performance
    return section in ("performance", "estimate") and measured is not None and measured.metric not in _metrics(scope, measured.metric)


def _metrics(scope: Scope, among: str) -> Container[str]:
    return scope.plugins.metrics if scope.plugins is not None else (among,)


def _names(monitoring: Monitoring) -> list[str]:
    metric = [f"{word}.{monitoring.performance.metric}" for word in ("performance", "estimate")] if monitoring.performance else []
    return [*QUANTITIES, *metric]


def _missing(name: str, monitoring: Monitoring) -> tuple[str, str] | None:
    """Why a quantity of the language is not computed here, and what would compute it."""
    section, _, word = name.partition(".")
    if section == "drift" and name in QUANTITIES and monitoring.drift is None:
        return "`monitoring` has no `drift`", "write `drift: {features: all, method: psi}` in `monitoring`"
    if section not in ("performance", "estimate") or not word:
        return None
    if monitoring.performance is None:
        return "`monitoring` has no `performance`", f"write `performance: {{metric: {word}}}` in `monitoring`"
    if word != monitoring.performance.metric:
        return f"`performance` measures `{monitoring.performance.metric}`", f"write `{section}.{monitoring.performance.metric}`"
    if section == "estimate" and monitoring.performance.estimate == "none":
        return "`performance` has no `estimate`", "write `estimate: cbpe` in `monitoring.performance`"
    return None
