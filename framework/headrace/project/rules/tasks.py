"""Everything that looks at a model's answers is made for the task that its algorithm has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.document import Scalar, inside
from headrace.hooks import Metric, Plugins, Task
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import ANSWERS, fits, task_of, watched
from headrace.spec import Model
from headrace.spec.expression import ExpressionError, parse
from headrace.spec.gates import Gate
from headrace.spec.monitoring import Alert, Performance
from headrace.spec.wording import listed


@dataclass(frozen=True, slots=True)
class _Of:
    """A model, its task, and what there is for each task."""

    model: Model
    task: Task
    plugins: Plugins

    def __str__(self) -> str:
        return f"`{self.model.training.algorithm}` answers {ANSWERS[self.task]}"


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models whose algorithm is known."""
    plugins = scope.plugins
    if plugins is None:
        return
    for model in scope.of(Model):
        yield from _model(scope, plugins, model)


@question
def _model(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    task = task_of(model, plugins)
    if task is not None:
        for asked in (_gates, _performance, _tune, _experiment, _baseline, _stratify, _calibrate, _ungrouped):
            yield from asked(scope, _Of(model, task, plugins))


@question
def _gates(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    for position, gate in enumerate(of.model.gates):
        yield from _kind(scope, of, position, gate)
        yield from _bounded(scope, of, position, gate)


@question
def _kind(scope: Scope, of: _Of, position: int, gate: Gate) -> Iterator[Diagnostic]:
    kinds = of.plugins.gates
    kind = kinds.get(gate.gate or "")
    if kind is not None and of.task not in kind.tasks:
        message = f"the gate `{kind.name}` judges {_said(kind.tasks)}, and {of}"
        place = scope.where(address_of(of.model), ("gates", position, "gate"))
        able = [name for name, other in kinds.items() if of.task in other.tasks]
        yield Diagnostic(
            "wrong-task", message, place, help=f"those that fit are {listed(able)}" if able else "write a gate with a `metric`"
        )


@question
def _bounded(scope: Scope, of: _Of, position: int, gate: Gate) -> Iterator[Diagnostic]:
    if gate.metric is not None:
        yield from _metric(scope, of, ("gates", position, "metric"), gate.metric)
        yield from _average(scope, of, ("gates", position), gate)
        yield from _cut(scope, of, position, gate)


@question
def _average(scope: Scope, of: _Of, path: Path, section: Gate | Performance) -> Iterator[Diagnostic]:
    """`average` and `each` stand where a metric has a value for each of several classes."""
    given = [word for word in ("average", "each") if getattr(section, word, None) is not None]
    metric = of.plugins.metrics.get(section.metric or "")
    if not given or metric is None or not fits(metric, of.task):
        return
    place = scope.where(address_of(of.model), (*path, given[-1]), key=True)
    if of.task != "multiclass":
        yield Diagnostic("wrong-average", f"`{given[-1]}` is for several classes, and {of}", place, help=f"remove `{given[-1]}`")
    elif not metric.averages:
        able = sorted(name for name, other in of.plugins.metrics.items() if other.averages)
        message = f"`{metric.name}` is one number for all classes: it has nothing for each"
        yield Diagnostic("wrong-average", message, place, help=f"remove `{given[-1]}`, or write one of {listed(able)}")


@question
def _cut(scope: Scope, of: _Of, position: int, gate: Gate) -> Iterator[Diagnostic]:
    """`k` stands where a metric looks at the first rows of each group."""
    metric = of.plugins.metrics.get(gate.metric or "")
    if gate.k is None or metric is None or not fits(metric, of.task) or metric.cuts:
        return
    able = sorted(name for name, other in of.plugins.metrics.items() if other.cuts and fits(other, of.task))
    place = scope.where(address_of(of.model), ("gates", position, "k"), key=True)
    help_ = f"remove `k`, or write one of {listed(able)}" if able else "remove `k`"
    yield Diagnostic("wrong-cut", f"`{metric.name}` looks at all rows: it has no first {gate.k}", place, help=help_)


@question
def _performance(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    performance = of.model.monitoring.performance if of.model.monitoring is not None else None
    if performance is not None and of.task == "ranking":
        yield from _in_windows(scope, of)
    elif performance is not None:
        yield from _watched(scope, of, performance)
        yield from _average(scope, of, ("monitoring", "performance"), performance)
        yield from _estimate(scope, of, performance)
        yield from _alerts(scope, of, performance)


@question
def _alerts(scope: Scope, of: _Of, performance: Performance) -> Iterator[Diagnostic]:
    """What alerts read of the metric that is measured, where that is one of another task."""
    metric = of.plugins.metrics.get(performance.metric)
    if metric is None or fits(metric, of.task):
        return
    for position, alert in enumerate(of.model.monitoring.alerts if of.model.monitoring is not None else ()):
        yield from _read(scope, of, position, alert, metric)


@question
def _read(scope: Scope, of: _Of, position: int, alert: Alert, metric: Metric) -> Iterator[Diagnostic]:
    with suppress(ExpressionError):
        for leaf in parse(alert.when).leaves():
            kind, _, name = leaf.name.partition(".")
            if name == metric.name and kind in ("performance", "estimate"):
                path = ("monitoring", "alerts", position, "when")
                node = scope.node(address_of(of.model), path)
                whole = scope.where(address_of(of.model), path)
                place = inside(node, leaf.start, leaf.start + len(leaf.name)) if isinstance(node, Scalar) else whole
                message = f"`{leaf.name}`: `{name}` judges {_said(metric.of)}, and {of}"
                help_ = f"write `{kind}.METRIC` with the one that `performance` measures, and a bound for it"
                yield Diagnostic("wrong-metric", message, place, help=help_)


@question
def _watched(scope: Scope, of: _Of, performance: Performance) -> Iterator[Diagnostic]:
    metric, path = of.plugins.metrics.get(performance.metric), ("monitoring", "performance", "metric")
    if metric is not None and metric.needs in {"groups", "latency", "noise"}:
        place = scope.where(address_of(of.model), path)
        help_ = f"those that fit are {listed(watched(of.plugins, of.task))}"
        yield Diagnostic("wrong-metric", f"`{metric.name}` cannot be computed from answers alone", place, help=help_)
    else:
        yield from _metric(scope, of, path, performance.metric)


@question
def _estimate(scope: Scope, of: _Of, performance: Performance) -> Iterator[Diagnostic]:
    if performance.estimate == "cbpe" and of.task != "binary":
        place = scope.where(address_of(of.model), ("monitoring", "performance", "estimate"))
        help_ = "write `estimate: none`: its performance is known when its answers are"
        yield Diagnostic("wrong-task", f"`cbpe` estimates from the probability of a yes, and {of}", place, help=help_)


@question
def _tune(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    for word in ("maximize", "minimize"):
        name = getattr(of.model.training.tune, word, None)
        if name is not None:
            yield from _metric(scope, of, ("training", "tune", word), name)


@question
def _experiment(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    experiment = of.model.experiment
    if experiment is not None:
        yield from _metric(scope, of, ("experiment", "primary", "metric"), experiment.primary.metric)
        for position, guardrail in enumerate(experiment.guardrails):
            yield from _metric(scope, of, ("experiment", "guardrails", position, "metric"), guardrail.metric)


@question
def _baseline(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    baseline, algorithms = of.model.training.baseline, of.plugins.algorithms
    known = algorithms.get(baseline.algorithm) if baseline is not None else None
    if known is not None and known.task != of.task:
        able = [name for name, algorithm in algorithms.items() if algorithm.task == of.task]
        place = scope.where(address_of(of.model), ("training", "baseline", "algorithm"))
        message = f"the baseline `{known.name}` answers {ANSWERS[known.task]}, and {of}"
        yield Diagnostic("wrong-task", message, place, help=f"those that fit are {listed(able)}")


@question
def _stratify(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    if of.task in ("regression", "quantile", "ranking") and getattr(of.model.training.split, "stratify", None) is not None:
        place = scope.where(address_of(of.model), ("training", "split", "stratify"), key=True)
        message = f"`stratify` holds out the same share of each class, and {of}"
        yield Diagnostic("wrong-task", message, place, help="remove `stratify`")


@question
def _metric(scope: Scope, of: _Of, path: Path, name: str) -> Iterator[Diagnostic]:
    metric = of.plugins.metrics.get(name)
    if metric is not None and not fits(metric, of.task):
        place = scope.where(address_of(of.model), path)
        help_ = f"those that fit are {listed(watched(of.plugins, of.task))}"
        yield Diagnostic("wrong-metric", f"`{name}` judges {_said(metric.of)}, and {of}", place, help=help_)


def _said(tasks: Iterable[Task]) -> str:
    return " or ".join(ANSWERS[task] for task in tasks)


@question
def _calibrate(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    if of.model.training.calibrate is not None and of.task != "binary":
        place = scope.where(address_of(of.model), ("training", "calibrate"), key=True)
        yield Diagnostic("wrong-task", f"`calibrate` makes probabilities of a yes or no, and {of}", place, help="remove `calibrate`")


@question
def _in_windows(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    place = scope.where(address_of(of.model), ("monitoring", "performance"), key=True)
    message = f"`performance` is measured over windows of so many rows, which cut groups, and {of}"
    yield Diagnostic("wrong-task", message, place, help="remove `performance`: `drift` tells of inputs and scores")


@question
def _ungrouped(scope: Scope, of: _Of) -> Iterator[Diagnostic]:
    """A column that says what is ranked among each other, where nothing is."""
    if of.task != "ranking" and of.model.features.group is not None:
        place = scope.where(address_of(of.model), ("features", "group"), key=True)
        message = f"`group` says which rows are ranked among each other, and {of}"
        able = sorted(name for name, algorithm in of.plugins.algorithms.items() if algorithm.task == "ranking" and not algorithm.constant)
        yield Diagnostic("wrong-task", message, place, help=f"remove `group`, or choose {listed(able)}" if able else "remove `group`")
