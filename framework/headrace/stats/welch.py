"""Welch's t-test of two arms at a fixed end: one look, with as many units as were planned."""

from __future__ import annotations

from headrace.stats.effect import Effect, checked_alpha
from headrace.stats.paired import Tested

WELCH = "Welch"


def compare(effect: Effect, *, alpha: float) -> Tested:
    """Whether an effect differs from 0, two-sided, with an interval that misses it with the chance `alpha`; in the effect's unit.

    Student's t with Welch and Satterthwaite's degrees of freedom (Welch 1947, eq. 27). Not valid when it is looked at more than once.
    """
    from scipy.stats import t

    reach = float(t.isf(checked_alpha(alpha) / 2, effect.df)) * effect.error
    p = float(2 * t.sf(abs(effect.value) / effect.error, effect.df))
    return Tested(WELCH, effect.value, effect.value - reach, effect.value + reach, p, 1 - alpha)
