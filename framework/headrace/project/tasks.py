"""Which task a model has: what its algorithm says."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.hooks import Metric, Plugins, Task
from headrace.spec import Model

ANSWERS: Mapping[Task, str] = {
    "binary": "a yes or no",
    "multiclass": "one of several classes",
    "regression": "a number",
    "quantile": "quantiles of a number",
    "ranking": "a score that orders the rows of a group",
}
"""What a model of each task answers, in a message."""


def task_of(model: Model, plugins: Plugins | None) -> Task | None:
    """The task of a model; None where no plugin offers its algorithm."""
    algorithm = plugins.algorithms.get(model.training.algorithm) if plugins is not None else None
    return algorithm.task if algorithm is not None else None


def in_folds(model: Model, plugins: Plugins | None) -> bool:
    """Whether a model, or what it is compared with, learns from folds of its rows."""
    baseline = model.training.baseline
    named = [model.training.algorithm, *([baseline.algorithm] if baseline is not None else [])]
    return plugins is not None and any(name in plugins.algorithms and plugins.algorithms[name].folds for name in named)


def watched(plugins: Plugins, task: Task) -> list[str]:
    """The metrics that can be computed from answers of a task alone, by name."""
    beside = {"groups", "latency", "noise"}
    return sorted(name for name, metric in plugins.metrics.items() if fits(metric, task) and metric.needs not in beside)


def fits(metric: Metric, task: Task) -> bool:
    """Whether a metric can be computed for a model of this task."""
    return task in metric.of
