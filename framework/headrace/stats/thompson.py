"""A bandit that gives each arm the chance that it is the best, never less than a floor; the chance is known, so that it can be logged.

Nothing here is a test: units that were dealt by what others did give no p-value. The propensities serve to weigh them later
(Horvitz and Thompson 1952). Source: Thompson (1933), "On the likelihood that one unknown probability exceeds another".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import fsum, isclose, isfinite
from typing import TYPE_CHECKING

from headrace.stats.effect import Estimate
from headrace.stats.proportions import Proportion

if TYPE_CHECKING:
    from typing import Any

FLOOR = 0.05
"""What each arm gets at least, so that none is ever given up for good and no weight exceeds 20."""
_TAIL = 1e-12
_CUTS = 24
_NODES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm of one unit, by its place, and the chance that it had to get it: to be logged with the exposure."""

    arm: int
    propensity: float


def propensities(arms: Sequence[Proportion | Estimate], *, floor: float = FLOOR) -> list[float]:
    """The chance of each arm for the next units, (k,), adding up to 1: floor + (1 - k floor) P(it is the best).

    Counts are judged by a beta posterior with a uniform prior, other metrics by a normal one; more is better. The integral is computed and
    not drawn, so the same sums give the same chances. ValueError without an arm, where the floors exceed the whole, or where an arm does
    not vary.
    """
    if not arms or not 0 <= floor * len(arms) <= 1:
        raise ValueError(f"{len(arms)} arms with a floor of {floor:g} each cannot be")
    best = _best([_posterior(arm) for arm in arms])
    found = [floor + (1 - floor * len(arms)) * chance for chance in best]
    return [chance / fsum(found) for chance in found]


def choose(chances: Sequence[float], u: float) -> Choice:
    """The arm at u, a unit's number in [0, 1), and its propensity. ValueError where chances do not add up to 1, or u lies elsewhere."""
    if min(chances, default=-1.0) < 0 or not isclose(fsum(chances), 1.0, abs_tol=1e-9) or not 0 <= u < 1:
        raise ValueError(f"chances of {list(chances)} at {u} choose nothing")
    upto = 0.0
    for arm, chance in enumerate(chances):
        upto += chance
        if u < upto:
            return Choice(arm, chance)
    last = max(arm for arm, chance in enumerate(chances) if chance > 0)
    return Choice(last, chances[last])


def _posterior(arm: Proportion | Estimate) -> Any:  # noqa: ANN401 - SciPy's frozen distributions have no public type
    from scipy.stats import beta, norm

    if isinstance(arm, Proportion):
        return beta(1 + arm.hits, 1 + arm.n - arm.hits)
    if not (arm.variance > 0 and isfinite(arm.value)):
        raise ValueError("an arm that does not vary has no posterior")
    return norm(arm.value, (arm.variance / arm.n) ** 0.5)


def _best(posteriors: Sequence[Any]) -> list[float]:
    """P(each is the largest): the density of one times the distribution functions of the others, between the quantiles of all."""
    import numpy as np

    levels = np.concatenate(([_TAIL], np.geomspace(1e-9, 0.5, _CUTS), 1 - np.geomspace(0.5, 1e-9, _CUTS)[1:], [1 - _TAIL]))
    cuts = np.unique(np.concatenate([posterior.ppf(levels) for posterior in posteriors]))
    at, weight = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(cuts) / 2
    x = ((cuts[:-1] + half)[:, None] + half[:, None] * at).ravel()
    masses = (half[:, None] * weight).ravel()
    below = [posterior.cdf(x) for posterior in posteriors]
    found = [
        float(masses @ reduce(np.multiply, (other for place, other in enumerate(below) if place != arm), posterior.pdf(x)))
        for arm, posterior in enumerate(posteriors)
    ]
    return [max(0.0, chance) / fsum(found) for chance in found]
