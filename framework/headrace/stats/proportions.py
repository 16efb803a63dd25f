"""Two shares of units that did something: counts that merge, the pooled z-test, and an interval that holds when few did."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from headrace.stats.effect import Estimate, checked_alpha, normal_tail
from headrace.stats.paired import Tested
from headrace.stats.untestable import UntestableError

POOLED = "two proportions, z"
NEWCOMBE = "two proportions, z; Newcombe's interval"
FEW = 10
"""With fewer hits or misses than this in an arm the interval is Newcombe's."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of n units; ValueError where that cannot be."""

    n: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"{self.hits} hits of {self.n} units cannot be")

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.n + other.n, self.hits + other.hits)

    @property
    def rate(self) -> float:
        """The share; UntestableError without a unit."""
        if not self.n:
            raise UntestableError("there is no unit")
        return self.hits / self.n

    @property
    def estimate(self) -> Estimate:
        """The share with the variance p (1 - p), for the designs that judge an `Effect`."""
        return Estimate(self.rate, self.rate * (1 - self.rate), self.n)


def compare(control: Proportion, treatment: Proportion, *, alpha: float) -> Tested:
    """Whether the treatment's share differs from the control's, two-sided: its share less the control's.

    p is by z = (p_t - p_c) / sqrt(p (1 - p) (1/n_t + 1/n_c)) with p pooled (Fleiss, Levin and Paik 2003, eq. 3.1, without correction); 1
    where all units did it or none. The interval is Wald's, unpooled, or Newcombe's where an arm has fewer than `FEW` hits or misses. An
    interval may then hold 0 though p does not say so, or the other way round. UntestableError where an arm has no unit.
    """
    d, both = treatment.rate - control.rate, control + treatment
    spread = sqrt(both.rate * (1 - both.rate) * (1 / control.n + 1 / treatment.n))
    p = 2 * normal_tail(abs(d) / spread) if spread else 1.0
    if few(control, treatment):
        return Tested(NEWCOMBE, d, *newcombe(control, treatment, alpha=alpha), p, 1 - alpha)
    reach = -_NORMAL.inv_cdf(checked_alpha(alpha) / 2) * sqrt(sum(arm.rate * (1 - arm.rate) / arm.n for arm in (control, treatment)))
    return Tested(POOLED, d, d - reach, d + reach, p, 1 - alpha)


def few(*arms: Proportion) -> bool:
    """Whether an arm has fewer than `FEW` hits or misses, so that the normal distribution says little of it."""
    return any(min(arm.hits, arm.n - arm.hits) < FEW for arm in arms)


def newcombe(control: Proportion, treatment: Proportion, *, alpha: float, scale: float = 1.0) -> tuple[float, float]:
    """Both bounds of the treatment's share less `scale` times the control's, from each arm's own Wilson interval.

    Each bound fails with the chance alpha / 2, about. Sources: Newcombe (1998), "Interval estimation for the difference between independent
    proportions", method 10; with a scale: Zou and Donner (2008), eq. 5. UntestableError where an arm has no unit.
    """
    (low_c, high_c), (low_t, high_t) = wilson(control, alpha=alpha), wilson(treatment, alpha=alpha)
    d = treatment.rate - scale * control.rate
    below = sqrt((treatment.rate - low_t) ** 2 + (scale * (high_c - control.rate)) ** 2)
    above = sqrt((high_t - treatment.rate) ** 2 + (scale * (control.rate - low_c)) ** 2)
    return d - below, d + above


def wilson(arm: Proportion, *, alpha: float) -> tuple[float, float]:
    """Both bounds of one share. Source: Wilson (1927), the score interval without correction; UntestableError without a unit."""
    z, n, rate = -_NORMAL.inv_cdf(checked_alpha(alpha) / 2), arm.n, arm.rate
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return (0.0 if arm.hits == 0 else middle - reach), (1.0 if arm.hits == n else middle + reach)
