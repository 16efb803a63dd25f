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
}
"""What a model of each task answers, in a message."""


def task_of(model: Model, plugins: Plugins | None) -> Task | None:
    """The task of a model; None where no plugin offers its algorithm."""
    algorithm = plugins.algorithms.get(model.training.algorithm) if plugins is not None else None
    return algorithm.task if algorithm is not None else None


def in_folds(model: Model, plugins: Plugins | None) -> bool:
    """Whether a model's algorithm learns from folds of its rows."""
    algorithm = plugins.algorithms.get(model.training.algorithm) if plugins is not None else None
    return algorithm is not None and algorithm.folds


def watched(plugins: Plugins, task: Task) -> list[str]:
    """The metrics that can be computed from answers of a task alone, by name."""
    return sorted(name for name, metric in plugins.metrics.items() if fits(metric, task) and metric.needs not in {"groups", "latency"})


def fits(metric: Metric, task: Task) -> bool:
    """Whether a metric can be computed for a model of this task."""
    return task in metric.of
