"""A few looks at a planned experiment: error spent by the information that has come, and the boundaries that spend it.

The score S = Z sqrt(t) is Brownian motion in the information fraction t, so the density of being at s without having crossed is carried
from look to look by one integral. Sources: Lan and DeMets (1983), "Discrete sequential boundaries for clinical trials"; Armitage,
McPherson and Rowe (1969); Jennison and Turnbull (2000), "Group Sequential Methods", chapters 7 and 19.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, e, inf, log, log1p, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from headrace.stats.effect import Effect, checked_alpha, normal_tail
from headrace.stats.paired import Tested

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Spending = Literal["obrien_fleming", "pocock"]
Sides = Literal[1, 2]
GROUP_SEQUENTIAL = "group sequential"
_NORMAL = NormalDist()
_FARTHEST = 37.0
"""Beyond so many standard deviations the normal distribution is nothing in a float."""
_NOTHING = 1e-300
_WIDEST = 8.0
"""Of the density so much is integrated, in standard deviations."""
_LEAST = 5e-4
"""Looks closer together in information are as good as one, and integrals between them would need nodes without end."""
_NODES = 16
_PANEL = 5.0
"""So many nodes stand on so many standard deviations of the next step, or of what is left of them."""


def spent(t: float, *, alpha: float, spending: Spending) -> float:
    """The error spent on one side by the information fraction t, of `alpha` in all; t beyond 1 (overrunning) counts as 1.

    O'Brien and Fleming's: 2 (1 - Phi(z[1 - alpha/2] / sqrt(t))); Pocock's: alpha ln(1 + (e - 1) t). Source: Lan and DeMets (1983),
    alpha*_1 and alpha*_2. ValueError where t is not positive.
    """
    if not t > 0:
        raise ValueError(f"an information fraction is {t}, and has to be positive")
    at = min(1.0, t)
    match spending:
        case "obrien_fleming":
            return 2 * normal_tail(-_NORMAL.inv_cdf(checked_alpha(alpha) / 2) / sqrt(at))
        case "pocock":
            return checked_alpha(alpha) * log1p((e - 1) * at)


def boundaries(information: Sequence[float], *, alpha: float, spending: Spending = "obrien_fleming", sides: Sides = 2) -> list[float]:
    """The z that each look so far has to reach, (k,), for information fractions that rise.

    Two sides spend alpha / 2 each. Infinite is the boundary of a look with nothing to spend: after overrunning, or less than 1/2000 of the
    information after the look before. The boundary of a look goes by what has come by then alone, so that later looks change none that was
    used.
    """
    each = checked_alpha(alpha) / sides
    return spending_boundaries(information, [spent(t, alpha=each, spending=spending) for t in information], sides=sides)


def spending_boundaries(information: Sequence[float], cumulative: Sequence[float], *, sides: Sides = 2) -> list[float]:
    """The same for any spending: what one side has spent by each look, which never falls."""
    from scipy.optimize import brentq

    fractions = _fractions(information)
    walk, found, before = _Walk.start(sides), list[float](), 0.0
    for place, (t, total) in enumerate(zip(fractions, cumulative, strict=True)):
        step, wanted = walk.towards(t, 0.0), total - before
        if wanted < 0 or total >= 1:
            raise ValueError(f"spending goes from {before:g} to {total:g}: it rises, and stays below 1")
        bound = inf
        if step.apart >= _LEAST and wanted > step.above(0.0):
            raise ValueError(f"look {place + 1} has {wanted:g} to spend, which no boundary above 0 does")
        if step.apart >= _LEAST and wanted > max(step.above(_FARTHEST), _NOTHING):
            bound = float(brentq(step.against(wanted), 0.0, _FARTHEST, xtol=1e-10))
            walk, before = step.within(bound, _nearest(fractions, place)), total
        found.append(bound)
    return found


def crossing(information: Sequence[float], bounds: Sequence[float], *, drift: float = 0.0, sides: Sides = 2) -> list[float]:
    """The chance to cross the upper boundary first at each look, (k,), where Z has the mean drift sqrt(t).

    Of two sides the lower boundary ends the walk too, and is not counted. Source: Jennison and Turnbull (2000), eqs. 19.1 to 19.5.
    """
    fractions = _fractions(information)
    walk, found = _Walk.start(sides), list[float]()
    for place, (t, bound) in enumerate(zip(fractions, bounds, strict=True)):
        step = walk.towards(t, drift)
        found.append(step.above(bound))
        walk = step.within(bound, _nearest(fractions, place))
    return found


def inflation(
    information: Sequence[float], *, alpha: float, power: float, spending: Spending = "obrien_fleming", sides: Sides = 2
) -> float:
    """How many times the units of one look at the end these looks need for the same power; the wrong side aside.

    Source: Jennison and Turnbull (2000), tables 2.2 and 2.4, which print it for their own boundaries.
    """
    from scipy.optimize import brentq

    bounds = boundaries(information, alpha=alpha, spending=spending, sides=sides)
    fixed = _NORMAL.inv_cdf(1 - alpha / sides) + _NORMAL.inv_cdf(checked_alpha(power))
    needed = brentq(lambda drift: sum(crossing(information, bounds, drift=drift, sides=sides)) - power, 0.5 * fixed, 3 * fixed, xtol=1e-9)
    return float(needed / fixed) ** 2


def compare(effect: Effect, *, bound: float, alpha: float) -> Tested:
    """Whether an effect crosses its look's boundary: z against `bound`, and the repeated confidence interval; in the effect's unit.

    The intervals of all looks hold together with the chance 1 - alpha (Jennison and Turnbull 2000, section 9.1), so one that misses 0 has
    crossed. p is the z-test's of this look alone, and not for deciding.
    """
    reach = bound * effect.error
    p = 2 * normal_tail(abs(effect.value) / effect.error)
    return Tested(GROUP_SEQUENTIAL, effect.value, effect.value - reach, effect.value + reach, p, 1 - checked_alpha(alpha))


def _fractions(information: Sequence[float]) -> list[float]:
    if not all(t > 0 for t in information) or any(later < earlier for earlier, later in pairwise(information)):
        raise ValueError(f"information fractions are {list(information)}: they are positive and never fall")
    return [min(1.0, t) for t in information]


def _nearest(fractions: Sequence[float], place: int) -> float:
    """How far the score moves until the next look: what its density is as fine as."""
    later = next((t for t in fractions[place + 1 :] if t - fractions[place] >= _LEAST), None)
    return sqrt(later - fractions[place]) if later else 1.0


@dataclass(frozen=True, slots=True)
class _Walk:
    """The density of the score at nodes (m,), with quadrature weights, among those that have not crossed by the fraction t."""

    sides: Sides
    t: float
    nodes: Values
    masses: Values

    @classmethod
    def start(cls, sides: Sides) -> _Walk:
        import numpy as np

        return cls(sides, 0.0, np.zeros(1), np.ones(1))

    def towards(self, t: float, drift: float) -> _Step:
        return _Step(self, t, drift)


@dataclass(frozen=True, slots=True)
class _Step:
    """From one look to the next."""

    walk: _Walk
    t: float
    drift: float

    @property
    def apart(self) -> float:
        """The information that is new."""
        return self.t - self.walk.t

    def above(self, z: float) -> float:
        """The chance that the score is above z sqrt(t) at this look, having crossed at none before."""
        from scipy.special import ndtr

        if self.apart < _LEAST or z == inf:
            return 0.0
        far = self.walk.nodes + self.drift * self.apart - z * sqrt(self.t)
        return float(self.walk.masses @ ndtr(far / sqrt(self.apart)))

    def against(self, wanted: float) -> Callable[[float], float]:
        """How the chance above z compares with the wanted one: 0 where they are equal, and falling."""
        return lambda z: log(max(self.above(z), _NOTHING) / wanted)

    def within(self, z: float, ahead: float) -> _Walk:
        """Who has not crossed: Gauss and Legendre's nodes, so fine that a next step of the size `ahead` is smooth on them."""
        import numpy as np

        apart, scale = self.apart, sqrt(self.t)
        if apart < _LEAST:
            return self.walk
        middle = self.drift * self.t
        high = min(z * scale, middle + _WIDEST * scale)
        low = max(-z * scale if self.walk.sides == 2 else -inf, middle - _WIDEST * scale)  # noqa: PLR2004 - of two sides
        if high <= low:
            return _Walk(self.walk.sides, self.t, np.zeros(1), np.zeros(1))
        at, weight = np.polynomial.legendre.leggauss(_NODES)
        half = (high - low) / ceil((high - low) / (_PANEL * min(ahead, sqrt(apart)))) / 2
        middles = np.arange(low + half, high, 2 * half)
        nodes, weights = (middles[:, None] + half * at).ravel(), np.tile(half * weight, len(middles))
        far = (nodes[:, None] - self.walk.nodes[None, :] - self.drift * apart) / sqrt(apart)
        density = np.exp(-0.5 * far**2) @ self.walk.masses / sqrt(2 * np.pi * apart)
        return _Walk(self.walk.sides, self.t, nodes, density * weights)
