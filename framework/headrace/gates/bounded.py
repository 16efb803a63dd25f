"""A metric against a number: its value, how sure that is, and what each of the groups says that it compares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.gates import interval
from headrace.gates.facts import Absent, Facts
from headrace.gates.rows import grouped, label, part, sizes, title
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import Judged, Maximum, Minimum
from headrace.hooks import Metric
from headrace.hooks.asking import asking, each_group, mean
from headrace.stats import bounds
from headrace.stats import groups as by_group
from headrace.stats.bounds import Bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _Measured:
    """A value over n rows, what is to be said beside it, and what it is of: the groups, or the worst class."""

    value: float
    n: int
    note: str = ""
    facts: Facts | None = None
    groups: NDArray[np.object_] | None = None
    worst: int | None = None


def bounded(gate: Minimum | Maximum, metric: Metric, facts: Facts, seed: int) -> Judged:
    """What a gate with a bound says; Unjudgeable where the metric has no value."""
    found = _measured(gate, metric, facts)
    if math.isnan(found.value):
        raise Unjudgeable(f"{gate.metric} is not defined on these rows{found.note}")
    around = interval.around(gate, interval.Asked(metric, found.facts or facts, found.groups, found.worst), seed)
    least = isinstance(gate, Minimum)
    bound = gate.min if isinstance(gate, Minimum) else gate.max
    if gate.proven and isinstance(around, str):
        raise Unjudgeable(f"{gate.metric} is {found.value:.4g}, and nothing is proven of it: {around}{found.note}")
    judged = found.value
    sure = ""
    if gate.proven and isinstance(around, Bounds):
        judged = around.low if least else around.high
        sure = f" ({'at least' if least else 'at most'} {judged:.4g} at {gate.confidence:g} confidence)"
    passed = judged >= bound if least else judged <= bound
    wanted = f"at least {bound:g}" if least else f"at most {bound:g}"
    low, high = (None, None) if isinstance(around, str) else (finite(around.low), finite(around.high))
    return Judged(
        gate.id,
        gate.metric,
        passed=passed,
        mode=gate.mode,
        reason=f"{gate.metric} is {found.value:.4g}{sure}, and {wanted} is wanted{found.note}",
        value=finite(found.value),
        low=low,
        high=high,
        threshold=bound,
        n=found.n,
        evidence=_evidence(gate, found, around),
    )


def finite(value: float) -> float | None:
    """A number that JSON can hold; None for an infinity."""
    return float(value) if math.isfinite(value) else None


def answers(facts: Facts) -> NDArray[np.float64]:
    """The candidate's; Unjudgeable where it gave none."""
    if isinstance(facts.predictions, Absent):
        raise Unjudgeable(f"the candidate did not answer: {facts.predictions.reason}")
    return facts.predictions


def ranked_in(facts: Facts) -> NDArray[np.int64]:
    """Among which rows each is ranked; Unjudgeable where nothing says it."""
    if facts.group is None:
        raise Unjudgeable("the held-out rows name no group")
    return facts.group


def _evidence(gate: Minimum | Maximum, found: _Measured, around: Bounds | str) -> dict[str, Any]:
    told: dict[str, Any] = {"bound": "min" if isinstance(gate, Minimum) else "max", "proven": gate.proven}
    told |= {"no_interval": around} if isinstance(around, str) else interval.told(around)
    if found.groups is not None and found.facts is not None:
        told["groups"] = _each_group(gate, found.facts, found.groups)
    return told


def _measured(gate: Minimum | Maximum, metric: Metric, facts: Facts) -> _Measured:
    if metric.needs == "ranking":
        return _ranked(gate, metric, facts)
    compute = asking(metric, facts.answers, "each" if gate.each is not None else gate.average)
    if metric.needs == "latency":
        if isinstance(facts.seconds, Absent):
            raise Unjudgeable(f"the latency is not known: {facts.seconds.reason}")
        return _Measured(compute(facts.seconds), len(facts.seconds))
    predictions = answers(facts)
    if metric.needs == "noise":
        return _Measured(_noised(compute, facts, predictions), len(facts.target))
    if gate.each is not None:
        values = compute(facts.target, predictions)
        worst = _worst(values, facts.answers.classes, gate.metric, lowest=isinstance(gate, Minimum))
        said = f"; that is of the class `{facts.answers.classes[worst]}`, the worst of {len(values)}"
        return _Measured(float(values[worst]), len(facts.target), said, worst=worst)
    if metric.needs != "groups":
        return _Measured(compute(facts.target, predictions), len(facts.target))
    return _of_groups(gate, compute, facts)


def _noised(compute: Any, facts: Facts, predictions: NDArray[np.float64]) -> float:  # noqa: ANN401 - a metric's function
    """The metric over all draws of the noise together."""
    import numpy as np

    if isinstance(facts.noisy, Absent):
        raise Unjudgeable(f"the candidate was not asked about rows with noise: {facts.noisy.reason}")
    draws = len(facts.noisy) // max(1, len(predictions))
    return float(compute(np.concatenate([predictions] * draws), facts.noisy)) if draws else math.nan


def _of_groups(gate: Minimum | Maximum, compute: Any, facts: Facts) -> _Measured:  # noqa: ANN401 - a metric's function
    import numpy as np

    groups = grouped(facts, gate.by)
    counted = sizes(groups)
    small = [f"{label(gate.by, name)} ({n})" for name, n in counted if n < gate.min_group]
    note = f"; left out for having fewer than {gate.min_group} rows: {', '.join(small)}" if small else ""
    large = [name for name, n in counted if n >= gate.min_group]
    if len(large) < 2:  # noqa: PLR2004 - a difference needs two
        raise Unjudgeable(f"fewer than two groups of `{title(gate.by)}` have {gate.min_group} rows{note}")
    kept = np.isin(groups.astype(str), large)
    chosen, own = part(facts, kept), groups[kept]
    return _Measured(compute(chosen.target, answers(chosen), own), int(kept.sum()), note, facts=chosen, groups=own)


def _each_group(gate: Minimum | Maximum, facts: Facts, groups: NDArray[np.object_]) -> list[dict[str, Any]]:
    """What the model says of each group: shares with exact bounds, since a small group proves little."""
    import numpy as np

    names, codes = np.unique(groups.astype(str), return_inverse=True)
    predictions = answers(facts)
    counts = by_group.cells(facts.target, predictions, codes, len(names))
    found = []
    for code, name in enumerate(names.tolist()):
        none, wrong, missed, right = (int(count) for count in counts[code])
        rows = codes == code
        found.append(
            {
                "group": label(gate.by, name),
                "n": int(rows.sum()),
                "said_yes": _share(wrong + right, int(rows.sum()), gate.confidence),
                "true_positive_rate": _share(right, missed + right, gate.confidence),
                "false_positive_rate": _share(wrong, none + wrong, gate.confidence),
                "predicted": float(predictions[rows].mean()),
                "observed": float(facts.target[rows].mean()),
            }
        )
    return found


def _share(hits: int, n: int, confidence: float) -> dict[str, float] | None:
    if not n:
        return None
    found = bounds.proportion(hits, n, confidence=confidence)
    return {"value": found.estimate, "low": found.low, "high": found.high}


def _ranked(gate: Minimum | Maximum, metric: Metric, facts: Facts) -> _Measured:
    """The mean over the groups that have a value, and how many these are."""
    import numpy as np

    values = each_group(metric, facts.target, answers(facts), group=ranked_in(facts), k=gate.k)
    without = int(np.isnan(values).sum())
    cut = f", by the first {gate.k} rows of each" if gate.k is not None else ""
    counted = f"{len(values) - without:,} of {len(values):,}" if without else f"{len(values):,}"
    note = "; it is not defined for the others" if without else ""
    return _Measured(mean(values), len(facts.target), f"; that is the mean over {counted} groups{cut}{note}")


def _worst(values: NDArray[np.float64], classes: Sequence[str], metric: str, *, lowest: bool) -> int:
    """The position of the worst class; a class without a value is none that passes."""
    import numpy as np

    if (undefined := np.isnan(values)).any():
        raise Unjudgeable(f"{metric} is not defined for the class `{classes[int(undefined.argmax())]}` on these rows")
    return int(values.argmin() if lowest else values.argmax())
