"""How many units an experiment was planned with: what its information is a share of."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

from headrace.stats.group_sequential import inflation
from headrace.stats.power import Arm, rate_arms, units_needed

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
    return most * inflation([(look + 1) / looks for look in range(looks)], alpha=alpha, power=declared.power)


def _pair(declared: Declared, primary: Primary, share: float, alpha: float) -> float:
    champion = declared.arms["champion"]
    both = champion + share
    shares = champion / both, share / both
    if primary.mean is not None and primary.deviation is not None:
        arms = (Arm(shares[0], primary.deviation), Arm(shares[1], primary.deviation))
        difference = primary.detect.of(primary.mean)
    else:
        base = _MOST_UNCERTAIN if primary.baseline is None else primary.baseline
        difference = primary.detect.of(base)
        if not 0 < difference <= max(base, 1 - base):
            return inf
        arms = rate_arms(base, difference, shares)
    return ceil(units_needed(difference, arms, alpha=alpha, power=declared.power)) / both
