"""What to believe of an effect, with a normal prior: how likely the treatment is better, and what a wrong choice would cost.

Not safe under peeking: stopping as soon as the chance to win leaves 5 to 95 % decides 60 of 100 A/A experiments within 100 looks. The
standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

from headrace.stats.effect import Effect, checked_alpha, normal_tail

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of the effect before, in its unit; an infinite deviation is no belief at all. ValueError where it is none."""

    mean: float = 0.0
    deviation: float = inf

    def __post_init__(self) -> None:
        if not self.deviation > 0 or not -inf < self.mean < inf:
            raise ValueError(f"a prior of {self.mean} with a deviation of {self.deviation} is none: its deviation is above 0")


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed after: `win` is the chance that the effect is above 0; losses are in the effect's unit."""

    mean: float
    deviation: float
    low: float
    high: float
    win: float
    treatment_loss: float
    control_loss: float


def posterior(effect: Effect, prior: Prior, *, alpha: float) -> Posterior:
    """The posterior of an effect of which more is better, with a credible interval of 1 - alpha.

    Precisions add up (Gelman et al. 2013, "Bayesian Data Analysis", eqs. 2.10 and 5.17). The expected loss of choosing the treatment is
    E[max(-d, 0)] = s phi(m/s) - m Phi(-m/s), that of the control E[max(d, 0)] (Stucchio 2015, "Bayesian A/B testing at VWO", section 5).
    """
    known, believed = 1 / effect.error**2, 1 / prior.deviation**2
    mean = (known * effect.value + believed * prior.mean) / (known + believed)
    deviation = 1 / sqrt(known + believed)
    z, reach = mean / deviation, -_NORMAL.inv_cdf(checked_alpha(alpha) / 2) * deviation
    lost = max(0.0, deviation * _NORMAL.pdf(z) - mean * normal_tail(z))
    missed = max(0.0, deviation * _NORMAL.pdf(z) + mean * normal_tail(-z))
    return Posterior(mean, deviation, mean - reach, mean + reach, normal_tail(-z), lost, missed)
