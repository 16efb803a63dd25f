"""How sure the value of one metric is: exact where an exact interval exists, by rows drawn again otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from headrace.gates.facts import Absent, Facts
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import Maximum, Minimum
from headrace.hooks import Metric
from headrace.hooks.answers import BINARY
from headrace.hooks.asking import asking, each_group
from headrace.hooks.limit import within
from headrace.stats import bootstrap, bounds
from headrace.stats import groups as by_group
from headrace.stats.bounds import Bounds
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BOOTSTRAP, WITHIN_GROUPS, OF_GROUPS = "bootstrap, percentile", "bootstrap within groups, percentile", "bootstrap of groups, percentile"
RESAMPLES = 1000
"""Where something is decided by the interval; of a value that is only told with it, fewer do."""
TOLD = 400
MANY = 20_000
"""Of more rows half of them do: what a draw says is the surer for it."""
SECONDS = 30.0
"""How long an interval may take by which nothing is decided."""
_OURS = "headrace.builtin.metrics."
_THRESHOLD = 0.5


def ours(metric: Metric, *names: str) -> bool:
    """Whether a metric is the one that is built in, by its name, and not what a plugin put into its place."""
    return metric.name in names and metric.compute.startswith(_OURS) and metric.compute.endswith(f":{metric.name}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a value is of: a metric of the facts' rows, and where it is of groups (n,) or of one class, these."""

    metric: Metric
    facts: Facts
    groups: NDArray[np.object_] | None = None
    worst: int | None = None


def around(gate: Minimum | Maximum, asked: Asked, seed: int) -> Bounds | str:
    """The bounds of a value, or why there are none."""
    metric = asked.metric
    if metric.needs == "noise":
        return "the rows of all draws of the noise are not independent"
    limit = 10 * metric.seconds if gate.proven else min(10 * metric.seconds, SECONDS)
    try:
        return within(limit, _around, gate, asked, seed)
    except (UntestableError, Unjudgeable) as why:
        return str(why)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a metric may raise anything
        return f"{type(error).__name__}: {error}"


def _around(gate: Minimum | Maximum, asked: Asked, seed: int) -> Bounds:
    metric, facts, sure = asked.metric, asked.facts, gate.confidence
    if metric.needs == "latency":
        if isinstance(facts.seconds, Absent) or not ours(metric, "latency_p99"):
            raise Unjudgeable(f"nothing is known of the distribution of `{metric.name}`")
        return bounds.quantile(facts.seconds, 0.99, confidence=sure)
    if isinstance(facts.predictions, Absent):
        raise Unjudgeable("the candidate did not answer")
    target, predictions = facts.target, facts.predictions
    many = (RESAMPLES if gate.proven else TOLD) // (1 if len(target) <= MANY else 2)
    if metric.needs == "ranking":
        if facts.group is None:
            raise Unjudgeable("the held-out rows name no group")
        values = each_group(metric, target, predictions, group=facts.group, k=gate.k)
        return _named(bootstrap.mean_difference(values, 0 * values, seed=seed, confidence=sure, resamples=many), OF_GROUPS)
    if metric.needs == "groups":
        if asked.groups is None:
            raise Unjudgeable("`by` names no groups")
        return _of_groups(metric, target, predictions, asked.groups, (seed, sure, many))
    if gate.each is None and gate.average is None and (exact := _exact(metric, target, predictions, sure)) is not None:
        return exact
    compute: Callable[..., float] = asking(metric, facts.answers, "each" if gate.each is not None else gate.average)
    if asked.worst is not None:
        compute = _one_of(compute, asked.worst)
    return _named(bootstrap.single(compute, target, predictions, seed=seed, confidence=sure, resamples=many), BOOTSTRAP)


def _one_of(every: Callable[..., Any], at: int) -> Callable[..., float]:
    """One of the values that a metric has for each class."""
    return lambda target, predictions: float(every(target, predictions)[at])


def _exact(metric: Metric, target: Values, predictions: Values, sure: float) -> Bounds | None:
    """Of a share of rows, and of an area; None of any other metric."""
    import numpy as np

    if ours(metric, "accuracy"):
        said = predictions.argmax(axis=1) if predictions.ndim > 1 else (predictions >= _THRESHOLD).astype(np.float64)
        return bounds.proportion(int((said == target).sum()), len(target), confidence=sure)
    if predictions.ndim > 1:
        return None
    if ours(metric, "roc_auc"):
        return bounds.area(target, predictions, confidence=sure)
    yes, true = predictions >= _THRESHOLD, target == 1
    if ours(metric, "recall"):
        return bounds.proportion(int((yes & true).sum()), int(true.sum()), confidence=sure)
    if ours(metric, "precision") and yes.any():
        return bounds.proportion(int((yes & true).sum()), int(yes.sum()), confidence=sure)
    return None


def _of_groups(metric: Metric, target: Values, predictions: Values, groups: NDArray[np.object_], drawing: tuple[int, float, int]) -> Bounds:
    """With the groups' sizes as they are: which group a row belongs to is no matter of chance."""
    import numpy as np

    seed, sure, many = drawing
    names, codes = np.unique(groups.astype(str), return_inverse=True)
    if ours(metric, *by_group.MEASURES):
        measure = by_group.MEASURES[metric.name]
        counts = by_group.cells(target, predictions, codes, len(names))
        drawn = measure(by_group.drawn(counts, seed=seed, resamples=RESAMPLES))
        drawn = drawn[~np.isnan(drawn)]
        low, high = np.quantile(drawn, [1 - sure, sure]).tolist() if len(drawn) else (-math.inf, math.inf)
        return Bounds(float(measure(counts)), low, high, sure, WITHIN_GROUPS, len(drawn))
    if ours(metric, "group_calibration_difference"):
        return _named(_of_calibration(target, predictions, codes.astype(np.int64), drawing), WITHIN_GROUPS)
    compute = asking(metric, BINARY)

    def of(true: Values, said: Values, rows: NDArray[np.intp]) -> float:
        return float(compute(true, said, groups[rows]))

    return _named(
        bootstrap.single(of, target, predictions, seed=seed, confidence=sure, resamples=many, strata=codes.astype(np.int64)), WITHIN_GROUPS
    )


def _of_calibration(target: Values, predictions: Values, codes: NDArray[np.int64], drawing: tuple[int, float, int]) -> bootstrap.Interval:
    """As the metric itself, by the groups' numbers: to sort their names for each draw would take ten times as long."""
    import numpy as np

    seed, sure, many = drawing

    def of(true: Values, said: Values, rows: NDArray[np.intp]) -> float:
        drawn = codes[rows]
        return float(np.ptp(np.bincount(drawn, weights=said - true) / np.bincount(drawn)))

    return bootstrap.single(of, target, predictions, seed=seed, confidence=sure, resamples=many, strata=codes)


def _named(found: bootstrap.Interval, method: str) -> Bounds:
    return Bounds(found.estimate, found.low, found.high, found.confidence, method, found.resamples)


def told(found: Bounds) -> dict[str, Any]:
    """How an interval was made, as a verdict keeps it; its ends stand beside."""
    kept = {key: value for key, value in asdict(found).items() if key in ("confidence", "method", "resamples", "p")}
    return {key: value for key, value in kept.items() if value is not None and (key != "resamples" or value)}
