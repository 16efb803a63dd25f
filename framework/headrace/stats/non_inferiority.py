"""Whether a guardrail holds: the treatment is worse by less than a margin, or it is worse, or nobody knows yet.

Each bound is one-sided with its own `alpha`; guardrails need no correction for each other, because all of them have to pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from headrace.stats import welch
from headrace.stats.effect import Estimate, checked_alpha, difference
from headrace.stats.proportions import Proportion, few, newcombe
from headrace.stats.untestable import UntestableError

Worse = Literal["higher", "lower"]
Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """How much worse the treatment is, in the metric's unit: positive is worse.

    `at_least` bounds that from below; `beyond` bounds from above by how much it exceeds the margin.
    """

    outcome: Outcome
    worse_by: float
    at_least: float
    beyond: float


def judge(
    control: Estimate | Proportion,
    treatment: Estimate | Proportion,
    *,
    margin: float,
    relative: bool = False,
    worse: Worse = "higher",
    alpha: float,
) -> Guarded:
    """At one look at the end: pass where the upper bound of "worse by" is below the margin, fail where the lower one is above 0.

    A relative margin D is tested as m_t - (1 + D) m_c (1 - D where lower is worse), so that the control's own noise counts (Fieller 1954).
    Bounds are Welch's; of shares with fewer than 10 hits or misses Newcombe's. ValueError where the margin is not above 0, or a relative
    one of 1 or more where lower is worse; UntestableError where a relative margin meets a control that is not above 0, or where neither
    arm varies.
    """
    if not 0 < margin < inf or (relative and worse == "lower" and margin >= 1):
        raise ValueError(f"a margin of {margin} says nothing: it lies above 0, and below 1 where it is the share that may be lost")
    value = control.rate if isinstance(control, Proportion) else control.value
    if relative and value <= 0:
        raise UntestableError(f"the control's value is {value:g}, and a relative margin needs one above 0")
    sign = 1.0 if worse == "higher" else -1.0
    apart, low, _ = _bounds(control, treatment, 1.0, sign, checked_alpha(alpha))
    if relative:
        _, _, beyond = _bounds(control, treatment, 1 + sign * margin, sign, alpha)
    else:
        beyond = _bounds(control, treatment, 1.0, sign, alpha)[2] - margin
    return Guarded(outcome(low, beyond), apart, low, beyond)


def outcome(at_least: float, beyond: float) -> Outcome:
    """The same from bounds that any design gave: fail comes first, so that a treatment worse within the margin is told of.

    ValueError where a bound is not a number.
    """
    if not (isfinite(at_least) or at_least == -inf) or not (isfinite(beyond) or beyond == inf):
        raise ValueError(f"bounds of {at_least} and {beyond} say nothing")
    if beyond < 0:
        return "pass"
    return "fail" if at_least > 0 else "inconclusive"


def _bounds(
    control: Estimate | Proportion, treatment: Estimate | Proportion, scale: float, sign: float, alpha: float
) -> tuple[float, float, float]:
    """Sign times (treatment - scale * control), with a lower and an upper bound of the chance alpha each."""
    if isinstance(control, Proportion) and isinstance(treatment, Proportion) and few(control, treatment):
        low, high = newcombe(control, treatment, alpha=2 * alpha, scale=scale)
        value = treatment.rate - scale * control.rate
        return (value, low, high) if sign > 0 else (-value, -high, -low)
    one, other = (arm.estimate if isinstance(arm, Proportion) else arm for arm in (control, treatment))
    scaled = Estimate(one.value * scale, one.variance * scale**2, one.n)
    found = welch.compare(difference(scaled, other), alpha=2 * alpha)
    return (found.estimate, found.low, found.high) if sign > 0 else (-found.estimate, -found.high, -found.low)
