"""One gate's decision from facts: pure, and failing closed, so that what cannot be computed never passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from headrace.gates.bounded import bounded
from headrace.gates.compared import compared
from headrace.gates.facts import Facts
from headrace.gates.ruling import ruled
from headrace.gates.sliced import sliced
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import Bounded, ByPlugin, Gate, Judged, Maximum, Minimum, NoWorse
from headrace.hooks import Gate as Kind
from headrace.hooks import Metric

_NONE: Mapping[str, Kind] = {}


def decide(gate: Gate, facts: Facts, metrics: Mapping[str, Metric], seed: int, kinds: Mapping[str, Kind] = _NONE) -> Judged:
    """What one gate says; `seed` draws the bootstrap's resamples, `kinds` are the gates that plugins offer."""
    if isinstance(gate, ByPlugin):
        return ruled(gate, kinds.get(gate.gate), facts, seed)
    try:
        metric = _fitting(gate, facts, metrics)
        if gate.slices:
            return sliced(gate, metric, facts, lambda plain, some: _of_slice(plain, metric, some, seed))
        return _asked(gate, metric, facts, seed)
    except Unjudgeable as why:
        return _failed(gate, str(why), why.evidence)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a metric may raise anything, and whatever it raises is no pass
        return _failed(gate, f"`{gate.metric}` failed: {type(error).__name__}: {error}")


def _asked(gate: Bounded, metric: Metric, facts: Facts, seed: int) -> Judged:
    match gate:
        case Minimum() | Maximum():
            return bounded(gate, metric, facts, seed)
        case NoWorse():
            return compared(gate, metric, facts, seed)
        case _:
            assert_never(gate)


def _of_slice(gate: Bounded, metric: Metric, facts: Facts, seed: int) -> Judged:
    """A slice that cannot be judged fails, and the others are told beside it."""
    try:
        return _asked(gate, metric, facts, seed)
    except Unjudgeable as why:
        return _failed(gate, str(why), why.evidence)


def _fitting(gate: Bounded, facts: Facts, metrics: Mapping[str, Metric]) -> Metric:
    """The gate's metric, which is one of the candidate's task."""
    metric = metrics.get(gate.metric)
    if metric is None:
        raise Unjudgeable(f"no plugin offers the metric `{gate.metric}`")
    if facts.answers.task not in metric.of:
        raise Unjudgeable(f"`{gate.metric}` is no metric of the task `{facts.answers.task}`")
    if gate.each is not None and not (metric.averages and facts.answers.classes):
        raise Unjudgeable(f"`{gate.metric}` has no value for each class")
    if gate.k is not None and not metric.cuts:
        raise Unjudgeable(f"`{gate.metric}` has no first {gate.k} to look at")
    return metric


def _failed(gate: Bounded, reason: str, evidence: Mapping[str, Any] | None = None) -> Judged:
    return Judged(gate.id, gate.metric, passed=False, mode=gate.mode, reason=reason, threshold=_threshold(gate), evidence=evidence)


def _threshold(gate: Bounded) -> float:
    match gate:
        case Minimum():
            return gate.min
        case Maximum():
            return gate.max
        case NoWorse():
            return gate.allowed
