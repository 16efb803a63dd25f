"""Every gate says one thing that its metric can answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Severity
from headrace.hooks import Metric
from headrace.project.inputs import inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.gates import STANDARD, Gate


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All gates of all models."""
    for model in scope.of(Model):
        yield from _gates(scope, model)


@question
def _gates(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, gate in enumerate(model.gates):
        if getattr(gate, "gate", None) is not None:
            yield from _kind(scope, model, position, gate)
            continue
        yield from _bounds(scope, model, position, gate)
        yield from _first(scope, model, position, gate)
        named = getattr(gate, "metric", None)  # unknown where it could not be read
        metric = scope.plugins.metrics.get(named) if scope.plugins is not None and named is not None else None
        if metric is not None:
            for ask in (_groups, _unit, _reach, _worse, _direction):
                yield from ask(scope, model, position, gate, metric)
        yield from _by(scope, model, position, gate)


@question
def _kind(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    """A kind of gate goes by its parameters, and nothing of a metric's stands beside it."""
    here, path, name = address_of(model), ("gates", position), gate.gate
    for word in ("metric", "min", "max", "bound", "versus"):
        if getattr(gate, word) is not None:
            message = f"gate `{gate.id}` is of the kind `{name}`, and has `{word}`: one gate judges one thing"
            mend = "make two gates of it" if word == "metric" else f"remove `{word}`: a kind goes by its `params`"
            yield Diagnostic("gate-bounds", message, scope.where(here, (*path, word), key=True), help=mend)


@question
def _by(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    yield from parting(scope, model, ("gates", position, "by"), gate.by)


@question
def parting(scope: Scope, model: Model, path: Path, by: str | tuple[str, ...] | None) -> Iterator[Diagnostic]:
    """Rows are parted by what the model has: inputs alone are kept with the held-out rows."""
    if by is None or not known(scope, model):
        return
    names = [item.name for item in inputs(scope, model)]
    for at, name in enumerate((by,) if isinstance(by, str) else by):
        if name not in names:
            yield unknown_feature(scope, address_of(model), path if isinstance(by, str) else (*path, at), name, names)


@question
def _bounds(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    given = [word for word in ("min", "max", "bound", "versus") if getattr(gate, word) is not None]
    if given == ["bound"] and gate.metric not in STANDARD:
        place = scope.where(address_of(model), ("gates", position, "bound"))
        message = f"`{gate.metric}` has no usual bound: those that have are {', '.join(f'`{name}`' for name in STANDARD)}"
        yield Diagnostic("gate-bounds", message, place, help="write `min` or `max`")
    if len(given) == 1:
        return
    place = scope.where(address_of(model), ("gates", position, given[-1]) if given else ("gates", position), key=bool(given))
    if given:
        message = f"gate `{gate.id}` has {' and '.join(f'`{word}`' for word in given)}: one gate judges one thing"
        yield Diagnostic("gate-bounds", message, place, help="make two gates of it")
    else:
        yield Diagnostic(
            "gate-bounds", f"gate `{gate.id}` has no bound", place, help="write one of `min: 0.8`, `max: 0.1`, `versus: champion`"
        )


@question
def _first(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("gates", position)
    if gate.versus == "champion" and gate.first is None:
        message = f"gate `{gate.id}` does not say what happens while there is no champion"
        yield Diagnostic(
            "gate-without-first", message, scope.where(here, (*path, "versus")), help="write `first: pass` or `first: baseline`"
        )


@question
def _groups(scope: Scope, model: Model, position: int, gate: Gate, metric: Metric) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("gates", position)
    if metric.needs == "groups" and gate.by is None:
        message = f"`{metric.name}` compares groups, and gate `{gate.id}` does not say by which feature"
        yield Diagnostic("gate-without-by", message, scope.where(here, (*path, "metric")), help=_some_group(scope, model))


def _some_group(scope: Scope, model: Model) -> str:
    """A feature of the model that parts its rows."""
    groups = [item.name for item in inputs(scope, model) if item.type == "category"] if known(scope, model) else ["sex"]
    return f"write for example `by: {groups[0]}`" if groups else "name a category among the model's features: it uses none"


@question
def _unit(scope: Scope, model: Model, position: int, gate: Gate, metric: Metric) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("gates", position)
    if gate.max is not None and (metric.needs == "latency") != isinstance(gate.max, timedelta):
        said = "is a time: its bound needs a unit" if metric.needs == "latency" else "is no time: its bound is a number"
        node = scope.where(here, (*path, "max"))
        fixed = f"{gate.max:g}ms" if isinstance(gate.max, float | int) else f"{gate.max.total_seconds():g}"
        yield Diagnostic("gate-unit", f"`{metric.name}` {said}", node, help=f"write for example `max: {fixed}`")
    bound = {"latency": ("is measured on this machine", "max: 40ms"), "noise": ("is of the candidate's own answers", "min: 0.7")}
    if metric.needs in bound and gate.versus is not None:
        why, instead = bound[metric.needs]
        message = f"`{metric.name}` {why}, and cannot be compared with the {gate.versus}'s"
        yield Diagnostic("gate-unit", message, scope.where(here, (*path, "versus")), help=f"write for example `{instead}`")


@question
def _direction(scope: Scope, model: Model, position: int, gate: Gate, metric: Metric) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("gates", position)
    wrong = "min" if metric.better == "lower" else "max"
    if getattr(gate, wrong) is not None:
        right = "max" if wrong == "min" else "min"
        message = f"`{metric.name}` is better when it is {metric.better}, and gate `{gate.id}` bounds it with `{wrong}`"
        place = scope.where(here, (*path, wrong), key=True)
        yield Diagnostic("gate-direction", message, place, help=f"write `{right}`", severity=Severity.WARNING)


@question
def _reach(scope: Scope, model: Model, position: int, gate: Gate, metric: Metric) -> Iterator[Diagnostic]:
    """Whether a bound lies where the metric can go at all."""
    low, high = metric.range
    most = gate.max.total_seconds() if isinstance(gate.max, timedelta) else gate.max
    never = (gate.min is not None and gate.min > high) or (most is not None and most < low)
    always = (gate.min is not None and gate.min <= low) or (most is not None and most >= high)
    if not never and not always:
        return
    word, bound = ("min", gate.min) if gate.min is not None else ("max", most or 0.0)
    place, between = scope.where(address_of(model), ("gates", position, word)), f"`{metric.name}` lies between {low:g} and {high:g}"
    percent = high == 1 and 2 <= bound <= 100  # noqa: PLR2004 - percent; 1.7 is none
    mend = f"write `{word}: {bound / 100:g}`" if percent else f"write a bound between {low:g} and {high:g}"
    if never:
        yield Diagnostic("gate-never-passes", f"gate `{gate.id}` can never pass: {between}", place, help=mend)
    else:
        message = f"gate `{gate.id}` always passes: {between}"
        yield Diagnostic("gate-always-passes", message, place, help=mend, severity=Severity.WARNING)


@question
def _worse(scope: Scope, model: Model, position: int, gate: Gate, metric: Metric) -> Iterator[Diagnostic]:
    """Whether a candidate can be worse than another by more than is allowed."""
    low, high = metric.range
    allowed = gate.worse_by_at_most
    least = gate.better_by_at_least
    if gate.versus is not None and least is not None and least > high - low:
        message = f"gate `{gate.id}` can never pass: `{metric.name}` lies between {low:g} and {high:g}, and is never better by {least:g}"
        place = scope.where(address_of(model), ("gates", position, "better_by_at_least"))
        yield Diagnostic("gate-never-passes", message, place, help=f"write less than {high - low:g}")
    if gate.versus is None or allowed < high - low:
        return
    percent = high == 1 and 2 <= allowed <= 100  # noqa: PLR2004 - percent; 1.7 is none
    mend = f"write `worse_by_at_most: {allowed / 100:g}`" if percent else f"write less than {high - low:g}"
    message = f"gate `{gate.id}` always passes: `{metric.name}` lies between {low:g} and {high:g}, and is never worse by {allowed:g}"
    place = scope.where(address_of(model), ("gates", position, "worse_by_at_most"))
    yield Diagnostic("gate-always-passes", message, place, help=mend, severity=Severity.WARNING)
