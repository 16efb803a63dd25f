"""One gate's decision from facts: pure, and failing closed, so that what cannot be computed never passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, assert_never

from headrace.gates.facts import Absent, Facts
from headrace.gates.ruling import ruled
from headrace.gates.values import ByPlugin, Gate, Judged, Maximum, Minimum, NoWorse
from headrace.hooks import Gate as Kind
from headrace.hooks import Metric
from headrace.hooks.asking import asking, each_group, mean
from headrace.hooks.limit import within
from headrace.stats import bootstrap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Unjudgeable(Exception):  # noqa: N818 - it is no error of ours, it is a reason to fail
    """Why a gate cannot say more than no."""


Bounded = Minimum | Maximum | NoWorse
"""The gates that are about one metric."""
_NONE: Mapping[str, Kind] = {}


def decide(gate: Gate, facts: Facts, metrics: Mapping[str, Metric], seed: int, kinds: Mapping[str, Kind] = _NONE) -> Judged:
    """What one gate says; `seed` draws the bootstrap's resamples, `kinds` are the gates that plugins offer."""
    if isinstance(gate, ByPlugin):
        return ruled(gate, kinds.get(gate.gate), facts, seed)
    try:
        metric = _fitting(gate, facts, metrics)
        match gate:
            case Minimum() | Maximum():
                return _bounded(gate, metric, facts)
            case NoWorse():
                return _compared(gate, metric, facts, seed)
            case _:
                assert_never(gate)
    except _Unjudgeable as why:
        return _failed(gate, str(why))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a metric may raise anything, and whatever it raises is no pass
        return _failed(gate, f"`{gate.metric}` failed: {type(error).__name__}: {error}")


def _fitting(gate: Bounded, facts: Facts, metrics: Mapping[str, Metric]) -> Metric:
    """The gate's metric, which is one of the candidate's task."""
    metric = metrics.get(gate.metric)
    if metric is None:
        raise _Unjudgeable(f"no plugin offers the metric `{gate.metric}`")
    if facts.answers.task not in metric.of:
        raise _Unjudgeable(f"`{gate.metric}` is no metric of the task `{facts.answers.task}`")
    if gate.each is not None and not (metric.averages and facts.answers.classes):
        raise _Unjudgeable(f"`{gate.metric}` has no value for each class")
    if gate.k is not None and not metric.cuts:
        raise _Unjudgeable(f"`{gate.metric}` has no first {gate.k} to look at")
    return metric


def _failed(gate: Bounded, reason: str) -> Judged:
    return Judged(gate.id, gate.metric, passed=False, mode=gate.mode, reason=reason, threshold=_threshold(gate))


def _threshold(gate: Bounded) -> float:
    match gate:
        case Minimum():
            return gate.min
        case Maximum():
            return gate.max
        case NoWorse():
            return gate.worse_by_at_most


def _bounded(gate: Minimum | Maximum, metric: Metric, facts: Facts) -> Judged:
    value, n, note = _value(gate, metric, facts)
    if math.isnan(value):
        raise _Unjudgeable(f"{gate.metric} is not defined on these rows{note}")
    passed = value >= gate.min if isinstance(gate, Minimum) else value <= gate.max
    wanted = f"at least {gate.min:g}" if isinstance(gate, Minimum) else f"at most {gate.max:g}"
    reason = f"{gate.metric} is {value:.4g}, and {wanted} is wanted{note}"
    known = value if math.isfinite(value) else None
    return Judged(gate.id, gate.metric, passed=passed, mode=gate.mode, reason=reason, value=known, threshold=_threshold(gate), n=n)


def _value(gate: Minimum | Maximum, metric: Metric, facts: Facts) -> tuple[float, int, str]:
    """The metric's value, over how many rows, and what is to be said beside it."""
    if metric.needs == "ranking":
        return _ranked(gate, metric, facts, _predictions(facts))
    compute = asking(metric, facts.answers, "each" if gate.each is not None else gate.average)
    if metric.needs == "latency":
        if isinstance(facts.seconds, Absent):
            raise _Unjudgeable(f"the latency is not known: {facts.seconds.reason}")
        return compute(facts.seconds), len(facts.seconds), ""
    predictions = _predictions(facts)
    if metric.needs == "noise":
        return _noised(compute, facts, predictions), len(facts.target), ""
    if gate.each is not None:
        values = compute(facts.target, predictions)
        worst = _worst(values, facts.answers.classes, gate.metric, lowest=isinstance(gate, Minimum))
        said = f"; that is of the class `{facts.answers.classes[worst]}`, the worst of {len(values)}"
        return float(values[worst]), len(facts.target), said
    if metric.needs != "groups":
        return compute(facts.target, predictions), len(facts.target), ""
    if gate.by is None or gate.by not in facts.groups:
        raise _Unjudgeable(f"there are no groups: `{gate.by}` is no input of the model" if gate.by else "`by` names no groups")
    groups = facts.groups[gate.by]
    large, small = _sizes(groups, gate.min_group)
    note = (
        f"; left out for having fewer than {gate.min_group} rows: {', '.join(f'{gate.by}={name} ({n})' for name, n in small)}"
        if small
        else ""
    )
    if len(large) < 2:  # noqa: PLR2004 - a difference needs two
        raise _Unjudgeable(f"fewer than two groups of `{gate.by}` have {gate.min_group} rows{note}")
    kept = _isin(groups, large)
    return compute(facts.target[kept], predictions[kept], groups[kept]), int(kept.sum()), note


def _noised(compute: Callable[..., Any], facts: Facts, predictions: NDArray[np.float64]) -> float:
    """The metric over all draws of the noise together."""
    import numpy as np

    if isinstance(facts.noisy, Absent):
        raise _Unjudgeable(f"the candidate was not asked about rows with noise: {facts.noisy.reason}")
    draws = len(facts.noisy) // max(1, len(predictions))
    return float(compute(np.concatenate([predictions] * draws), facts.noisy)) if draws else math.nan


def _ranked(gate: Minimum | Maximum, metric: Metric, facts: Facts, predictions: NDArray[np.float64]) -> tuple[float, int, str]:
    """The mean over the groups that have a value, and how many these are."""
    import numpy as np

    values = each_group(metric, facts.target, predictions, group=_group(facts), k=gate.k)
    without = int(np.isnan(values).sum())
    cut = f", by the first {gate.k} rows of each" if gate.k is not None else ""
    counted = f"{len(values) - without:,} of {len(values):,}" if without else f"{len(values):,}"
    note = "; it is not defined for the others" if without else ""
    return mean(values), len(facts.target), f"; that is the mean over {counted} groups{cut}{note}"


def _group(facts: Facts) -> NDArray[np.int64]:
    if facts.group is None:
        raise _Unjudgeable("the held-out rows name no group")
    return facts.group


def _worst(values: NDArray[np.float64], classes: Sequence[str], metric: str, *, lowest: bool) -> int:
    """The position of the worst class; a class without a value is none that passes."""
    import numpy as np

    if (undefined := np.isnan(values)).any():
        raise _Unjudgeable(f"{metric} is not defined for the class `{classes[int(undefined.argmax())]}` on these rows")
    return int(values.argmin() if lowest else values.argmax())


def _predictions(facts: Facts) -> NDArray[np.float64]:
    if isinstance(facts.predictions, Absent):
        raise _Unjudgeable(f"the candidate did not answer: {facts.predictions.reason}")
    return facts.predictions


def _sizes(groups: NDArray[np.object_], least: int) -> tuple[list[str], list[tuple[str, int]]]:
    import numpy as np

    names, counts = np.unique(groups.astype(str), return_counts=True)
    sizes = list(zip(names.tolist(), counts.tolist(), strict=True))
    return [name for name, n in sizes if n >= least], [(name, n) for name, n in sizes if n < least]


def _isin(groups: NDArray[np.object_], names: list[str]) -> NDArray[np.bool_]:
    import numpy as np

    return np.isin(groups.astype(str), names)


def _compared(gate: NoWorse, metric: Metric, facts: Facts, seed: int) -> Judged:
    if metric.needs in {"groups", "latency", "noise"}:
        raise _Unjudgeable(f"`{gate.metric}` cannot be compared row by row: `versus` needs a metric of probabilities, or of numbers")
    who: str = gate.versus
    other = facts.others.get(who, Absent("it was not asked"))
    if isinstance(other, Absent) and other.first and gate.first == "pass":
        _predictions(facts)
        return Judged(
            gate.id, gate.metric, passed=True, mode=gate.mode, reason="there is no champion yet: the first one passes", n=len(facts.target)
        )
    if isinstance(other, Absent) and other.first and gate.first == "baseline":
        who = "baseline"
        other = facts.others.get(who, Absent("it was not asked"))
    if isinstance(other, Absent):
        raise _Unjudgeable(f"the {who} cannot be compared with: {other.reason}")
    found, of = _difference(gate, metric, facts, other, seed)
    if math.isnan(found.estimate):
        raise _Unjudgeable(f"{gate.metric} is not defined on these rows{of}")
    worst = _bad_end(found, metric)
    sure = (
        f"{'at worst' if worst > 0 else 'at least'} {abs(worst):.4g} {'worse' if worst > 0 else 'better'} at {gate.confidence:g} confidence"
    )
    reason = f"{gate.metric}{of} differs from the {who}'s by {found.estimate:+.4g}, {sure}; {gate.worse_by_at_most:g} worse is allowed"
    low, high = (bound if math.isfinite(bound) else None for bound in (found.low, found.high))
    return Judged(
        gate.id,
        gate.metric,
        passed=worst <= gate.worse_by_at_most,
        mode=gate.mode,
        reason=reason,
        value=found.estimate,
        low=low,
        high=high,
        threshold=gate.worse_by_at_most,
        n=len(facts.target),
    )


def _bad_end(found: bootstrap.Interval, metric: Metric) -> float:
    """How much worse it may be, at the interval's bad end."""
    return -found.low if metric.better == "higher" else found.high


def _difference(gate: NoWorse, metric: Metric, facts: Facts, other: NDArray[np.float64], seed: int) -> tuple[bootstrap.Interval, str]:
    """The interval of the difference; with `each`, the worst class's, since all must pass, and which class that is."""
    pair = (facts.target, _predictions(facts), other)

    def interval(compute: Any) -> bootstrap.Interval:  # noqa: ANN401 - a function, or the name of one that is computed for all at once
        # Resamples ask a metric thousands of times, and are allowed ten times its time for all of them.
        return within(10 * metric.seconds, bootstrap.difference, compute, *pair, seed=seed, confidence=gate.confidence)

    if metric.needs == "ranking":
        return _of_groups(gate, metric, facts, other, seed), f" of the first {gate.k}" if gate.k is not None else ""
    if gate.each is None:
        # The areas under many ROC curves at once are a hundred times faster than one by one.
        fast = gate.metric == "roc_auc" and facts.answers.task == "binary"
        return interval("roc_auc" if fast else asking(metric, facts.answers, gate.average)), ""
    compute = asking(metric, facts.answers, "each")

    def of(position: int) -> Callable[..., float]:
        return lambda target, predictions: float(compute(target, predictions)[position])

    intervals = [interval(of(position)) for position in range(len(facts.answers.classes))]
    ends = [math.inf if math.isnan(found.estimate) else _bad_end(found, metric) for found in intervals]
    at = ends.index(max(ends))
    return intervals[at], f" of the class `{facts.answers.classes[at]}`"


def _of_groups(gate: NoWorse, metric: Metric, facts: Facts, other: NDArray[np.float64], seed: int) -> bootstrap.Interval:
    """The interval over groups: rows of one group say nothing apart, so whole groups are drawn again."""
    one, two = (each_group(metric, facts.target, given, group=_group(facts), k=gate.k) for given in (_predictions(facts), other))
    return bootstrap.mean_difference(one, two, seed=seed, confidence=gate.confidence)
