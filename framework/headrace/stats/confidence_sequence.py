"""An interval of an effect that holds at every look at once: for experiments without a planned end.

It rests on the central limit theorem, so it says nothing of small arms and rare events: no decision before `warming_up` is over, and
canaries go by `eprocess`, which is exact. The standard library alone.
"""

from __future__ import annotations

from math import exp, log, log1p, sqrt

from headrace.stats.effect import Effect, Estimate, checked_alpha
from headrace.stats.paired import Tested
from headrace.stats.proportions import Proportion

ASYMPTOTIC = "asymptotic confidence sequence"
LEAST_UNITS = 100
"""So many units each arm needs before anything is decided."""
LEAST_OF_A_KIND = 25
"""So many hits, and as many misses, each arm needs where a unit's value is yes or no."""


def warming_up(*arms: Proportion | Estimate) -> bool:
    """Whether an arm is still too small for a decision; measured: without this rule 33 to 58 of 100 A/A canaries would be decided."""
    few = any(arm.n < LEAST_UNITS for arm in arms)
    return few or any(min(arm.hits, arm.n - arm.hits) < LEAST_OF_A_KIND for arm in arms if isinstance(arm, Proportion))


def compare(effect: Effect, *, planned: float, alpha: float) -> Tested:
    """Whether an effect differs from 0, two-sided, valid at every look; in the effect's unit.

    `planned` is the number of units in both arms at which the interval is narrowest: it is fixed before the start. Half the width is
    se sqrt(N) sqrt(2 (N rho^2 + 1) / (N rho)^2 ln(sqrt(N rho^2 + 1) / alpha)); p is the reciprocal of the e-value that it inverts,
    at most 1. Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, arXiv 2103.06476v7, eqs. 9, 155 and 161.
    """
    n, rho = effect.n, _rho(planned, checked_alpha(alpha))
    room = n * rho**2 + 1
    reach = effect.error * sqrt(n) * sqrt(2 * room / (n * rho) ** 2 * log(sqrt(room) / alpha))
    evidence = n * (rho * effect.value / effect.error) ** 2 / (2 * room) - 0.5 * log(room)
    return Tested(ASYMPTOTIC, effect.value, effect.value - reach, effect.value + reach, min(1.0, exp(-evidence)), 1 - alpha)


def one_sided(effect: Effect, *, planned: float, alpha: float) -> tuple[float, float]:
    """A lower and an upper bound, each valid alone at every look with the chance alpha of ever failing; below 1/2.

    Source: arXiv 2103.06476v7, eq. 134, with rho of 2 alpha.
    """
    if checked_alpha(alpha) >= 0.5:  # noqa: PLR2004 - a one-sided level
        raise ValueError(f"alpha is {alpha}, and a one-sided bound needs one below 0.5")
    n, rho = effect.n, _rho(planned, 2 * alpha)
    room = n * rho**2 + 1
    reach = effect.error * sqrt(n) * sqrt(2 * room / (n * rho) ** 2 * log1p(sqrt(room) / (2 * alpha)))
    return effect.value - reach, effect.value + reach


def _rho(planned: float, alpha: float) -> float:
    if not 0 < planned < float("inf"):
        raise ValueError(f"{planned} units are planned: a positive number is needed")
    return sqrt((-2 * log(alpha) + log1p(-2 * log(alpha))) / planned)
