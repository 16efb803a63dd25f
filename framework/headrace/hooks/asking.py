"""How a metric is asked for a model of each task: what is given by name, and that a ranking is judged group by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.hooks.answers import Answers
from headrace.hooks.contracts import Metric, resolve
from headrace.hooks.limit import computing, unended

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Group = NDArray[np.int64]


def asking(
    metric: Metric, answers: Answers, average: str | None = None, *, group: Group | None = None, k: int | None = None
) -> Callable[..., Any]:
    """A metric's function with what the task adds by name: the levels of quantiles, or how several classes become one number.

    `average` is `macro` where nobody says otherwise; `each` gives one value a class, (c,). Of a ranking it is the mean over its groups:
    `group` (n,) numbers the group of each row, `k` cuts each.
    """
    if metric.needs == "ranking":
        if group is None:
            raise ValueError(f"`{metric.name}` judges groups, and the rows have none")
        return lambda target, predictions: mean(each_group(metric, target, predictions, group=group, k=k))
    compute = computing(metric)
    if metric.needs == "quantiles":
        return partial(compute, quantiles=answers.quantiles)
    if answers.task == "multiclass" and metric.averages:
        return partial(compute, average=average or "macro")
    return compute


def each_group(metric: Metric, target: Values, predictions: Values, *, group: Group, k: int | None = None) -> Values:
    """A ranking's metric for each group, (g,), in the order of their numbers; NaN for one that it is not defined for.

    The metric has its time for all groups together; what it raises is raised.
    """
    import numpy as np

    compute = partial(resolve(metric.compute), k=k) if metric.cuts else resolve(metric.compute)

    def all_groups() -> list[float]:
        return [float(compute(target[rows], predictions[rows])) for rows in _rows_of(group)]

    return np.array(unended(metric.seconds, all_groups), dtype=np.float64)


def _rows_of(group: Group) -> Iterator[Group]:
    """The positions of each group's rows."""
    import numpy as np

    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    yield from np.split(order, starts) if len(order) else ()


def mean(values: Values) -> float:
    """The mean of the groups that have a value; NaN where none has."""
    import numpy as np

    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
