"""What each arm shows of a metric, and how far the treatment is from the control: a difference or a relative lift, with its standard error.

Every design of an analysis judges an `Effect`: fixed (`welch`), in groups (`group_sequential`), at any time (`confidence_sequence`),
by a prior (`bayes`). The unit of the analysis is always the unit that was assigned.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, isfinite, sqrt

from headrace.stats.moments import Moments
from headrace.stats.untestable import UntestableError


@dataclass(frozen=True, slots=True)
class Estimate:
    """One arm's value of a metric: `variance` is that of one unit's share in it, so that the squared standard error is variance / n.

    `base`, the value without any adjustment, is what a lift divides by; None where `value` is that. UntestableError of fewer than two
    units.
    """

    value: float
    variance: float
    n: int
    base: float | None = None

    def __post_init__(self) -> None:
        if self.n < 2:  # noqa: PLR2004 - one unit has no variance
            raise UntestableError(f"an arm has {self.n} units, and two are needed")
        if not (isfinite(self.value) and isfinite(self.variance) and self.variance >= 0 and isfinite(self.base or 0.0)):
            raise ValueError(f"an arm's value is {self.value} with a variance of {self.variance}: finite numbers are needed")


@dataclass(frozen=True, slots=True)
class Effect:
    """The treatment's value less the control's, or that by the control's, with its standard error.

    `n` counts the units of both arms; `df` are Welch and Satterthwaite's degrees of freedom.
    """

    value: float
    error: float
    n: int
    df: float


def checked_alpha(alpha: float) -> float:
    """The level itself; ValueError where it is none."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, and lies between 0 and 1")
    return alpha


def normal_tail(z: float) -> float:
    """P(a standard normal value is above z), as precise far out as near: NormalDist.cdf is 0 beyond 8.3."""
    return erfc(z / sqrt(2)) / 2


def mean(moments: Moments) -> Estimate:
    """The mean of one arm's units."""
    return Estimate(moments.mean, moments.variance, moments.n)


def difference(control: Estimate, treatment: Estimate) -> Effect:
    """The treatment's value less the control's; arms that are swapped change its sign and nothing else.

    Source: Welch (1947), "The generalization of Student's problem when several different population variances are involved".
    UntestableError where neither arm varies: nothing then tells how far the difference could be off.
    """
    spread = (control.variance / control.n, treatment.variance / treatment.n)
    return Effect(treatment.value - control.value, _error(spread), control.n + treatment.n, _freedom(control, treatment))


def lift(control: Estimate, treatment: Estimate) -> Effect:
    """The difference by the size of the control's unadjusted value, with the delta method's standard error; 0.02 is 2 % more.

    Source: Deng, Knoblich and Lu (2018), arXiv 1803.06336, section 3.1. UntestableError where the control's value is 0, or where neither
    arm varies. The lift is skewed where the control's value is not many of its standard errors away from 0.
    """
    base = control.value if control.base is None else control.base
    if base == 0:
        raise UntestableError("the control's value is 0, and nothing is relative to that")
    over = treatment.value if treatment.base is None else treatment.base
    spread = (control.variance * over**2 / (control.n * base**4), treatment.variance / (treatment.n * base**2))
    value = (treatment.value - control.value) / abs(base)
    return Effect(value, _error(spread), control.n + treatment.n, _freedom(control, treatment))


def _error(spread: tuple[float, float]) -> float:
    error = sqrt(sum(spread))
    if error == 0:
        raise UntestableError("neither arm varies, and nothing tells how far the difference could be off")
    return error


def _freedom(control: Estimate, treatment: Estimate) -> float:
    """Welch and Satterthwaite's; scaled so that no variance is too small to be squared."""
    spread = (control.variance / control.n, treatment.variance / treatment.n)
    total = sum(spread)
    if total == 0:
        return float(control.n + treatment.n - 2)
    return 1 / sum((part / total) ** 2 / (arm.n - 1) for part, arm in zip(spread, (control, treatment), strict=True))
