"""What an experiment judges by can be told of units: measures that say what they are, metrics that are means over rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.hooks import Plugins
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.experiment import Experiment
from headrace.spec.experiment_measures import Measure
from headrace.spec.quantity import write_duration
from headrace.spec.serving import Serving
from headrace.spec.wording import listed

ERROR_RATE = "error_rate"
"""The share of units with a request that their arm failed to answer: what no plugin has to register."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All experiments."""
    for model in scope.of(Model):
        if model.experiment is not None:
            yield from _measures(scope, model, model.experiment)
            yield from _by_row(scope, model, model.experiment)
            yield from _unit(scope, model, model.experiment)


@question
def _measures(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    for name, measure in experiment.measures.items():
        path = ("experiment", "measures", name)
        if scope.plugins is not None and (name in scope.plugins.metrics or name == ERROR_RATE):
            place = scope.where(address_of(model), path, key=True)
            yield Diagnostic("measure-shape", f"`{name}` is a metric already", place, help="give the measure another name")
        yield from _shape(scope, model, path, measure)
        yield from _window(scope, model, path, measure)


@question
def _shape(scope: Scope, model: Model, path: Path, measure: Measure) -> Iterator[Diagnostic]:
    here = address_of(model)
    if measure.kind == "ratio" and measure.per is None:
        message, help_ = "a ratio is of one sum by another, and this has one", "write `per: visit`, the name of the other values"
        yield Diagnostic("measure-shape", message, scope.where(here, (*path, "kind")), help=help_)
    elif measure.kind != "ratio" and measure.per is not None:
        message = f"`per` is a ratio's, and this is a {measure.kind}"
        yield Diagnostic("measure-shape", message, scope.where(here, (*path, "per"), key=True), help="write `kind: ratio`, or remove `per`")
    elif measure.per is not None and measure.per == (measure.of or path[-1]):
        message = f"`{measure.per}` by itself is always 1"
        yield Diagnostic("measure-shape", message, scope.where(here, (*path, "per")), help="name two kinds of values in `of` and `per`")
    for word, kinds in (("winsorize", ("mean", "ratio")), ("covariate", ("rate", "mean"))):
        if getattr(measure, word) is not None and measure.kind not in kinds:
            message = f"`{word}` does nothing for a {measure.kind}"
            yield Diagnostic("measure-shape", message, scope.where(here, (*path, word), key=True), help=f"remove `{word}`")


@question
def _window(scope: Scope, model: Model, path: Path, measure: Measure) -> Iterator[Diagnostic]:
    """A unit's window has an end, and it comes before the experiment's."""
    experiment, delay = model.experiment, model.features.target.delay
    if experiment is None:
        return
    within = measure.within if measure.within is not None else delay
    if not within > timedelta(0):
        message = "nothing says how long a unit's values count: the label has no delay"
        place = scope.where(address_of(model), path, key=True)
        yield Diagnostic("measure-shape", message, place, help="write `within: 14d`")
    elif within >= experiment.for_:
        message = f"a unit is judged {write_duration(within)} after its first answer, and the experiment ends before"
        place = scope.where(address_of(model), (*path, "within") if measure.within is not None else path)
        related = (scope.where(address_of(model), ("experiment", "for")),)
        yield Diagnostic("experiment-too-short", message, place, help=f"write more than `for: {write_duration(within)}`", related=related)


@question
def _by_row(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    plugins = scope.plugins
    if plugins is None:
        return
    yield from _mean(scope, plugins, model, ("experiment", "primary", "metric"), experiment.primary.metric)
    for place, name in enumerate(experiment.secondary):
        yield from _mean(scope, plugins, model, ("experiment", "secondary", place), name)
    for place, guardrail in enumerate(experiment.guardrails):
        yield from _mean(scope, plugins, model, ("experiment", "guardrails", place, "metric"), guardrail.metric)


@question
def _mean(scope: Scope, plugins: Plugins, model: Model, path: Path, name: str) -> Iterator[Diagnostic]:
    metric = plugins.metrics.get(name)
    if metric is None or metric.each is not None:
        return
    able = [other.name for other in plugins.metrics.values() if other.each is not None]
    if metric.needs == "latency":
        if path[1] == "guardrails":
            return
        message = f"`{name}` is a quantile: an experiment guards it, and is not decided by it"
    else:
        message = f"`{name}` is no mean over rows, so that nothing tells how far it may be off when units have several"
    yield Diagnostic("metric-not-by-row", message, scope.where(address_of(model), path), help=f"write one of {listed(able)}, or a measure")


@question
def _unit(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    """The journal must still tell one unit from another."""
    if not isinstance(model.serving, Serving) or model.serving.journal is None:
        return
    how = model.serving.journal.personal.get(experiment.unit)
    if how in {"drop", "encrypt"}:
        message = f"the journal keeps `{experiment.unit}` so that no two requests are known to be of one unit"
        place = scope.where(address_of(model), ("serving", "journal", "personal", experiment.unit))
        related = (scope.where(address_of(model), ("experiment", "unit")),)
        yield Diagnostic("unit-unreadable", message, place, help=f"write `{experiment.unit}: hash`", related=related)
