"""How many units an experiment was planned with: what its information is a share of."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, inf
from typing import TYPE_CHECKING

from headrace.stats.group_sequential import inflation
from headrace.stats.power import Arm, power, rate_arms, units_needed

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared, Primary

_MOST_UNCERTAIN = 0.5
_MOST_LOOKS = 20
"""More looks than these need hardly more units."""


def planned_units(declared: Declared) -> float:
    """The units of all arms together that find what each primary metric looks for, in each arm, with the declared power.

    It goes by what is declared alone, so that it is fixed before the start. Alpha is shared among all comparisons that decide, and looking
    early costs what the design says. Infinite where nothing is known of a metric's values.
    """
    arms = [share for name, share in declared.arms.items() if name != "champion"]
    alpha = declared.alpha / max(1, len(declared.primary) * len(arms))
    most = max((_pair(declared, primary, share, alpha) for primary in declared.primary for share in arms), default=inf)
    if declared.design != "group_sequential" or most == inf:
        return most
    looks = min(_MOST_LOOKS, max(1, int(declared.lasts / declared.looks)))
    return most * _cost(looks, alpha, declared.power)


@lru_cache(maxsize=64)
def _cost(looks: int, alpha: float, wanted: float) -> float:
    """How many times the units of one look so many looks need; every look at an experiment asks for it again."""
    return inflation([(look + 1) / looks for look in range(looks)], alpha=alpha, power=wanted)


def _pair(declared: Declared, primary: Primary, share: float, alpha: float) -> float:
    both = declared.arms["champion"] + share
    found = _arms(primary, declared.arms["champion"] / both, share / both)
    return inf if found is None else ceil(units_needed(*found, alpha=alpha, power=declared.power)) / both


def _arms(primary: Primary, *shares: float) -> tuple[float, tuple[Arm, Arm]] | None:
    """The difference that is looked for and both arms, as they are declared; None where the champion's value leaves no room for it."""
    if primary.mean is not None and primary.deviation is not None:
        difference = primary.detect.of(primary.mean)
        return (difference, (Arm(shares[0], primary.deviation), Arm(shares[1], primary.deviation))) if difference > 0 else None
    base = _MOST_UNCERTAIN if primary.baseline is None else primary.baseline
    difference = primary.detect.of(base)
    if not 0 < difference <= max(base, 1 - base):
        return None
    return difference, rate_arms(base, difference, (shares[0], shares[1]))


def power_of(declared: Declared, units: float) -> float:
    """The chance that so many units of all arms find what each primary metric looks for, the least of them, by one look at the end."""
    arms = [share for name, share in declared.arms.items() if name != "champion"]
    alpha = declared.alpha / max(1, len(declared.primary) * len(arms))
    chances = []
    for primary in declared.primary:
        for share in arms:
            both = declared.arms["champion"] + share
            found = _arms(primary, declared.arms["champion"] / both, share / both)
            chances.append(0.0 if found is None else power(found[0], found[1], units * both, alpha=alpha))
    return min(chances, default=0.0)
