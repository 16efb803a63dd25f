"""How many units a comparison of two arms needs, what it can find, and how likely it finds it; the standard library alone.

The two-sided z-test of a difference of means, with the arms' own variances: n of an arm has to satisfy

    d = (z[1 - alpha/2] + z[power]) * sqrt(s_1^2 / n_1 + s_2^2 / n_2)

Source: Chow, Shao, Wang and Lokhnygina, Sample Size Calculations in Clinical Research (2018), 3.2 and 4.2; a rate p has the variance
p (1 - p). It is the least that any design needs: looking early, in groups or always, costs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a comparison: the share of the units that it has, and the standard deviation of one unit's value."""

    share: float
    deviation: float


def rate_deviation(rate: float) -> float:
    """The standard deviation of one unit's value, 0 or 1, where the mean is `rate`."""
    return sqrt(rate * (1 - rate))


def power(difference: float, arms: tuple[Arm, Arm], units: float, *, alpha: float) -> float:
    """The chance that a true difference is found with so many units in both arms together."""
    error = sqrt(_variance(arms) / units)
    if error == 0:
        return 1.0 if difference else alpha
    critical, shift = _NORMAL.inv_cdf(1 - alpha / 2), abs(difference) / error
    return _NORMAL.cdf(shift - critical) + _NORMAL.cdf(-shift - critical)


def units_needed(difference: float, arms: tuple[Arm, Arm], *, alpha: float, power: float) -> float:
    """The units in both arms together that find a true difference with the wanted power; the far tail aside, which adds little."""
    if difference == 0:
        return inf
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) ** 2 * _variance(arms) / difference**2


def units_needed_within(margin: float, arms: tuple[Arm, Arm], *, alpha: float, power: float, worse_by: float = 0.0) -> float:
    """The units in both arms together that show non-inferiority, one-sided, where the treatment is truly worse by `worse_by`.

    All in the metric's unit; infinite where the treatment is truly worse by the margin or more. Source: Chow et al. (2018), 3.2.1.
    """
    if worse_by >= margin:
        return inf
    return (_NORMAL.inv_cdf(1 - alpha) + _NORMAL.inv_cdf(power)) ** 2 * _variance(arms) / (margin - worse_by) ** 2


def design_effect(cluster: float, icc: float) -> float:
    """How many times the units are needed where clusters of so many are assigned together, and how alike their values are.

    1 + (m - 1) ICC, the intraclass correlation from 0 to 1. Source: Donner and Klar (2000), "Design and Analysis of Cluster Randomization
    Trials", eq. 1.1. ValueError where a cluster has fewer than one unit, or the correlation lies elsewhere.
    """
    if not 1 <= cluster < inf or not 0 <= icc <= 1:
        raise ValueError(f"clusters of {cluster:g} units with a correlation of {icc:g} cannot be")
    return 1 + (cluster - 1) * icc


def detectable(arms: tuple[Arm, Arm], units: float, *, alpha: float, power: float) -> float:
    """The least difference of two means that so many units find with the wanted power."""
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) * sqrt(_variance(arms) / units) if units > 0 else inf


def rate_arms(rate: float, difference: float, shares: tuple[float, float]) -> tuple[Arm, Arm]:
    """The arms of two rates, the second higher by a difference, or lower where there is no room above."""
    other = rate + difference if rate + difference <= 1 else rate - difference
    return Arm(shares[0], rate_deviation(rate)), Arm(shares[1], rate_deviation(min(max(other, 0.0), 1.0)))


def detectable_rate(rate: float, shares: tuple[float, float], units: float, *, alpha: float, power: float) -> float:
    """The least difference of two rates that so many units find with the wanted power; infinite where even the whole room is not enough."""
    room = max(rate, 1 - rate)
    if units <= 0 or units_needed(room, rate_arms(rate, room, shares), alpha=alpha, power=power) > units:
        return inf
    low, high = 0.0, room
    while high - low > room * 1e-9:
        middle = (low + high) / 2
        enough = units_needed(middle, rate_arms(rate, middle, shares), alpha=alpha, power=power) <= units
        low, high = (low, middle) if enough else (middle, high)
    return high


def _variance(arms: tuple[Arm, Arm]) -> float:
    """Of the difference of the arms' means, times the units in both together."""
    return sum(arm.deviation**2 / arm.share for arm in arms)
