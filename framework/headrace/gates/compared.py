"""A metric against another model's on the same rows: the difference, and how much worse or better it may be for sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.gates import interval
from headrace.gates.bounded import answers, finite, ranked_in
from headrace.gates.facts import Absent, Facts
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import Judged, NoWorse
from headrace.hooks import Metric
from headrace.hooks.asking import asking, each_group
from headrace.hooks.limit import within
from headrace.stats import bootstrap, bounds
from headrace.stats.bounds import Bounds
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_THRESHOLD = 0.5


def compared(gate: NoWorse, metric: Metric, facts: Facts, seed: int) -> Judged:
    """What a gate with `versus` says; Unjudgeable where there is nothing to compare, or the difference is not defined."""
    if metric.needs in {"groups", "latency", "noise"}:
        raise Unjudgeable(f"`{gate.metric}` cannot be compared row by row: `versus` needs a metric of probabilities, or of numbers")
    who: str = gate.versus
    other = facts.others.get(who, Absent("it was not asked"))
    if isinstance(other, Absent) and other.first and gate.first == "pass":
        answers(facts)
        reason = "there is no champion yet: the first one passes"
        return Judged(
            gate.id, gate.metric, passed=True, mode=gate.mode, reason=reason, n=len(facts.target), evidence={"versus": who, "first": "pass"}
        )
    if isinstance(other, Absent) and other.first and gate.first == "baseline":
        who = "baseline"
        other = facts.others.get(who, Absent("it was not asked"))
    if isinstance(other, Absent):
        raise Unjudgeable(f"the {who} cannot be compared with: {other.reason}")
    try:
        found, of = _difference(gate, metric, facts, other, seed)
    except UntestableError as why:
        raise Unjudgeable(f"`test: {gate.test}` says nothing: {why}") from None
    if math.isnan(found.estimate):
        raise Unjudgeable(f"{gate.metric} is not defined on these rows{of}")
    worst = _bad_end(found, metric)
    return Judged(
        gate.id,
        gate.metric,
        passed=worst <= gate.allowed,
        mode=gate.mode,
        reason=_reason(gate, found, who, of, worst),
        value=found.estimate,
        low=finite(found.low),
        high=finite(found.high),
        threshold=gate.allowed,
        n=len(facts.target),
        evidence=_evidence(gate, who, found),
    )


def _reason(gate: NoWorse, found: Bounds, who: str, of: str, worst: float) -> str:
    sure = (
        f"{'at worst' if worst > 0 else 'at least'} {abs(worst):.4g} {'worse' if worst > 0 else 'better'} at {gate.confidence:g} confidence"
    )
    least = gate.better_by_at_least
    wanted = f"{gate.worse_by_at_most:g} worse is allowed" if least is None else f"{least:g} better is wanted"
    return f"{gate.metric}{of} differs from the {who}'s by {found.estimate:+.4g}, {sure}; {wanted}"


def _evidence(gate: NoWorse, who: str, found: Bounds) -> dict[str, Any]:
    told = {"versus": who, "test": gate.test, **interval.told(found)}
    return told if gate.better_by_at_least is None else {**told, "better_by_at_least": gate.better_by_at_least}


def _bad_end(found: Bounds, metric: Metric) -> float:
    """How much worse it may be, at the interval's bad end."""
    return -found.low if metric.better == "higher" else found.high


def _difference(gate: NoWorse, metric: Metric, facts: Facts, other: NDArray[np.float64], seed: int) -> tuple[Bounds, str]:
    """The bounds of the difference; with `each`, the worst class's, since all must pass, and which class that is."""
    if gate.test != "bootstrap":
        return _tested(gate, metric, facts, other), ""
    pair = (facts.target, answers(facts), other)

    def around(compute: Any) -> Bounds:  # noqa: ANN401 - a function, or the name of one that is computed for all at once
        # Resamples ask a metric thousands of times, and are allowed ten times its time for all of them.
        found = within(10 * metric.seconds, bootstrap.difference, compute, *pair, seed=seed, confidence=gate.confidence)
        return _named(found, interval.BOOTSTRAP)

    if metric.needs == "ranking":
        return _of_groups(gate, metric, facts, other, seed), f" of the first {gate.k}" if gate.k is not None else ""
    if gate.each is None:
        # The areas under many ROC curves at once are a hundred times faster than one by one.
        fast = interval.ours(metric, "roc_auc") and facts.answers.task == "binary"
        return around("roc_auc" if fast else asking(metric, facts.answers, gate.average)), ""
    compute = asking(metric, facts.answers, "each")

    def of(position: int) -> Callable[..., float]:
        return lambda target, predictions: float(compute(target, predictions)[position])

    intervals = [around(of(position)) for position in range(len(facts.answers.classes))]
    ends = [math.inf if math.isnan(found.estimate) else _bad_end(found, metric) for found in intervals]
    at = ends.index(max(ends))
    return intervals[at], f" of the class `{facts.answers.classes[at]}`"


def _tested(gate: NoWorse, metric: Metric, facts: Facts, other: NDArray[np.float64]) -> Bounds:
    """By a test of its own kind: McNemar's of decisions, DeLong's of areas."""
    own = answers(facts)
    if gate.test == "delong":
        if not interval.ours(metric, "roc_auc") or own.ndim > 1:
            raise Unjudgeable(f"`test: delong` compares `roc_auc` of a yes or no, and not `{gate.metric}`")
        return bounds.paired_area(facts.target, own, other, confidence=gate.confidence)
    if not interval.ours(metric, "accuracy"):
        raise Unjudgeable(f"`test: mcnemar` compares `accuracy`, and not `{gate.metric}`")
    right = [
        (given.argmax(axis=1) if given.ndim > 1 else (given >= _THRESHOLD).astype(facts.target.dtype)) == facts.target
        for given in (own, other)
    ]
    return bounds.paired_share(*right, confidence=gate.confidence)


def _of_groups(gate: NoWorse, metric: Metric, facts: Facts, other: NDArray[np.float64], seed: int) -> Bounds:
    """The interval over groups: rows of one group say nothing apart, so whole groups are drawn again."""
    one, two = (each_group(metric, facts.target, given, group=ranked_in(facts), k=gate.k) for given in (answers(facts), other))
    return _named(bootstrap.mean_difference(one, two, seed=seed, confidence=gate.confidence), interval.OF_GROUPS)


def _named(found: bootstrap.Interval, method: str) -> Bounds:
    return Bounds(found.estimate, found.low, found.high, found.confidence, method, found.resamples)
