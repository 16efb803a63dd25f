"""Everything that looks at a model's answers is made for the task that its algorithm has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.hooks import Plugins, Task
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import ANSWERS, fits, task_of, watched
from headrace.spec import Model
from headrace.spec.gates import Gate
from headrace.spec.wording import listed


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models whose algorithm is known."""
    plugins = scope.plugins
    if plugins is None:
        return
    for model in scope.of(Model):
        for asked in (_gates, _performance, _tune, _experiment, _baseline, _stratify):
            yield from asked(scope, plugins, model)


@question
def _gates(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    task = task_of(model, plugins)
    if task is None:
        return
    for position, gate in enumerate(model.gates):
        yield from _gate(scope, plugins, model, task, position, gate)


@question
def _gate(scope: Scope, plugins: Plugins, model: Model, task: Task, position: int, gate: Gate) -> Iterator[Diagnostic]:
    kind = plugins.gates.get(gate.gate or "")
    if kind is not None and task not in kind.tasks:
        message = f"the gate `{kind.name}` judges {_said(kind.tasks)}, and {_is(model, task)}"
        place = scope.where(address_of(model), ("gates", position, "gate"))
        able = [name for name, other in plugins.gates.items() if task in other.tasks]
        yield Diagnostic("wrong-task", message, place, help=f"those that fit are {listed(able)}" if able else "write a gate with a `metric`")
    if gate.metric is None:
        return
    yield from _metric(scope, plugins, model, task, ("gates", position, "metric"), gate.metric)
    yield from _average(scope, plugins, model, task, ("gates", position), gate.metric, gate)


@question
def _average(
    scope: Scope, plugins: Plugins, model: Model, task: Task, path: Path, name: str, section: object
) -> Iterator[Diagnostic]:
    """`average` and `each` stand where a metric has a value for each of several classes."""
    given = [word for word in ("average", "each") if getattr(section, word, None) is not None]
    metric = plugins.metrics.get(name)
    if not given or metric is None or not fits(metric, task):
        return
    place, able = scope.where(address_of(model), (*path, given[-1]), key=True), _averaging(plugins)
    if task != "multiclass":
        yield Diagnostic("wrong-average", f"`{given[-1]}` is for several classes, and {_is(model, task)}", place, help=f"remove `{given[-1]}`")
    elif not metric.averages:
        message = f"`{name}` is one number for all classes: it has nothing for each"
        yield Diagnostic("wrong-average", message, place, help=f"remove `{given[-1]}`, or write one of {listed(able)}")


@question
def _performance(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    performance, task = model.monitoring.performance if model.monitoring is not None else None, task_of(model, plugins)
    if performance is None or task is None:
        return
    path: Path = ("monitoring", "performance")
    metric = plugins.metrics.get(performance.metric)
    if metric is not None and metric.needs in {"groups", "latency"}:
        message = f"`{metric.name}` cannot be computed from answers alone"
        place = scope.where(address_of(model), (*path, "metric"))
        yield Diagnostic("wrong-metric", message, place, help=f"those that fit are {listed(watched(plugins, task))}")
    else:
        yield from _metric(scope, plugins, model, task, (*path, "metric"), performance.metric)
    yield from _average(scope, plugins, model, task, path, performance.metric, performance)
    if performance.estimate == "cbpe" and task != "binary":
        message = f"`cbpe` estimates from the probability of a yes, and {_is(model, task)}"
        place = scope.where(address_of(model), (*path, "estimate"))
        yield Diagnostic("wrong-task", message, place, help="write `estimate: none`: its performance is known when its answers are")


@question
def _tune(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    tune, task = model.training.tune, task_of(model, plugins)
    for word in ("maximize", "minimize"):
        name = getattr(tune, word, None)
        if name is not None and task is not None:
            yield from _metric(scope, plugins, model, task, ("training", "tune", word), name)


@question
def _experiment(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    experiment, task = model.experiment, task_of(model, plugins)
    if experiment is None or task is None:
        return
    yield from _metric(scope, plugins, model, task, ("experiment", "primary", "metric"), experiment.primary.metric)
    for position, guardrail in enumerate(experiment.guardrails):
        yield from _metric(scope, plugins, model, task, ("experiment", "guardrails", position, "metric"), guardrail.metric)


@question
def _baseline(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    baseline, task = model.training.baseline, task_of(model, plugins)
    known = plugins.algorithms.get(baseline.algorithm) if baseline is not None else None
    if known is not None and task is not None and known.task != task:
        message = f"the baseline `{known.name}` answers {ANSWERS[known.task]}, and {_is(model, task)}"
        able = [name for name, algorithm in plugins.algorithms.items() if algorithm.task == task]
        place = scope.where(address_of(model), ("training", "baseline", "algorithm"))
        yield Diagnostic("wrong-task", message, place, help=f"those that fit are {listed(able)}")


@question
def _stratify(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    task = task_of(model, plugins)
    if task in ("regression", "quantile") and getattr(model.training.split, "stratify", None) is not None:
        message = f"`stratify` holds out the same share of each class, and {_is(model, task)}"
        place = scope.where(address_of(model), ("training", "split", "stratify"), key=True)
        yield Diagnostic("wrong-task", message, place, help="remove `stratify`")


@question
def _metric(scope: Scope, plugins: Plugins, model: Model, task: Task, path: Path, name: str) -> Iterator[Diagnostic]:
    metric = plugins.metrics.get(name)
    if metric is not None and not fits(metric, task):
        message = f"`{name}` judges {_said(metric.of)}, and {_is(model, task)}"
        place = scope.where(address_of(model), path)
        yield Diagnostic("wrong-metric", message, place, help=f"those that fit are {listed(watched(plugins, task))}")


def _is(model: Model, task: Task) -> str:
    return f"`{model.training.algorithm}` answers {ANSWERS[task]}"


def _said(tasks: Iterable[Task]) -> str:
    return " or ".join(ANSWERS[task] for task in tasks)


def _averaging(plugins: Plugins) -> list[str]:
    return sorted(name for name, metric in plugins.metrics.items() if metric.averages)
