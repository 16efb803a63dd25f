"""How each design of an experiment tests one comparison: bounds that hold at every look that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from statistics import NormalDist
from typing import Literal

from headrace.experiment.strata import Arm, Pair
from headrace.stats import anytime_quantile, bayes, confidence_sequence, group_sequential, non_inferiority, proportions, welch
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.effect import Effect, Estimate, difference, normal_tail
from headrace.stats.group_sequential import Sides
from headrace.stats.non_inferiority import Guarded, Worse
from headrace.stats.proportions import Proportion, few
from headrace.stats.untestable import UntestableError

Design = Literal["fixed", "group_sequential", "always_valid", "bayesian"]
_NOTHING = 1e-300


@dataclass(frozen=True, slots=True)
class Look:
    """Which look of which design this is: the information of all looks up to it, and the units that were planned.

    `settles` is false where a design decides at its end alone and this is not the end.
    """

    design: Design
    information: tuple[float, ...]
    planned: float
    final: bool

    @property
    def settles(self) -> bool:
        """Whether anything may be decided at this look."""
        return self.final or self.design in {"group_sequential", "always_valid"}


@dataclass(frozen=True, slots=True)
class Told:
    """A difference, arm less champion, in the metric's unit, with both bounds; p where the design has one that may be decided by.

    `decisive`: what is found differs at this level. `chance` is the chance that the arm's value is above the champion's, of a prior.
    """

    difference: float
    low: float
    high: float
    decisive: bool
    p: float | None = None
    chance: float | None = None


def test(look: Look, pair: Pair, *, alpha: float) -> Told:
    """Whether two arms differ, two-sided, at the level `alpha` over all looks; UntestableError where neither varies."""
    if look.design == "fixed" and isinstance(pair.champion, Proportion) and isinstance(pair.arm, Proportion):
        found = proportions.compare(pair.champion, pair.arm, alpha=alpha)
        return Told(found.estimate, found.low, found.high, found.p <= alpha, found.p)
    effect = difference(_estimate(pair.champion), _estimate(pair.arm))
    match look.design:
        case "fixed":
            found = welch.compare(effect, alpha=alpha)
            return Told(found.estimate, found.low, found.high, found.p <= alpha, found.p)
        case "group_sequential":
            found = group_sequential.compare(effect, bound=bound(look.information, look.final, alpha, 2), alpha=alpha)
            return Told(found.estimate, found.low, found.high, found.low > 0 or found.high < 0)
        case "always_valid":
            found = confidence_sequence.compare(effect, planned=look.planned, alpha=alpha)
            return Told(found.estimate, found.low, found.high, found.p <= alpha, found.p)
        case "bayesian":
            believed = bayes.posterior(effect, bayes.Prior(), alpha=alpha)
            return Told(believed.mean, believed.low, believed.high, believed.low > 0 or believed.high < 0, chance=believed.win)


def guard(look: Look, pair: Pair, *, margin: float, relative: bool, worse: Worse, alpha: float) -> Guarded:
    """Whether an arm is worse by less than a margin, each bound one-sided at `alpha` over all looks.

    That it is worse at all is told by a sequence in every design, since harm is not waited for, whatever else is known by then; that it is
    within goes by the design, as the win does that needs it. In groups the boundary is that of the primary metric's information: what is
    known sooner than that crosses it no more often. UntestableError where neither arm varies, or where a relative margin meets a champion
    that is not above 0.
    """
    sign = 1.0 if worse == "higher" else -1.0
    champion, arm = _plain(pair.champion), _plain(pair.arm)
    value = champion.rate if isinstance(champion, Proportion) else champion.value
    scale = 1 + sign * margin if relative else 1.0
    if relative and (value <= 0 or scale <= 0):
        raise UntestableError(f"the champion's value is {value:g}, and a relative margin needs one above 0")
    n = champion.n + arm.n
    harm = confidence_sequence.one_sided(Effect(0.0, 1.0, n, 1.0), planned=look.planned, alpha=alpha)[1]
    apart, low, _ = _bounded(champion, arm, 1.0, sign, harm)
    if look.design == "fixed" and look.final:
        beyond = non_inferiority.judge(champion, arm, margin=margin, relative=relative, worse=worse, alpha=alpha).beyond
    else:
        # Of a relative margin the champion's own noise counts: what is beyond is m_t - (1 + D) m_c (Fieller 1954).
        within = harm if look.design == "always_valid" else _within(look, alpha)
        beyond = _bounded(champion, arm, scale, sign, within)[2] - (0.0 if relative else margin)
    return Guarded(non_inferiority.outcome(low, beyond), apart, low, beyond)


def quantile_bounds(look: Look, arm: Histogram, at: float, *, planned: float, alpha: float) -> tuple[float, float]:
    """Both bounds of an arm's quantile, which hold at every look in any design."""
    del look
    return anytime_quantile.interval(arm, at, planned=max(1.0, planned), alpha=alpha)


@lru_cache(maxsize=512)
def bound(information: tuple[float, ...], final: bool, alpha: float, sides: Sides) -> float:  # noqa: FBT001 - a key of the cache
    """The z that the last of these looks has to reach, by O'Brien and Fleming's spending; the final look spends all that is left.

    The end is set by the calendar, before the start, so that spending there what few units left unspent looks at nothing.
    """
    each = alpha / sides
    # Rounding must not leave a look at all of the information with more than all to spend.
    spent = [min(each, group_sequential.spent(t, alpha=each, spending="obrien_fleming")) for t in information]
    if final:
        spent[-1] = each
    return group_sequential.spending_boundaries(information, spent, sides=sides)[-1]


def _within(look: Look, alpha: float) -> float:
    """How many standard errors an upper bound of this look is away; infinitely many where a design does not decide yet."""
    if look.design == "group_sequential":
        return bound(look.information, look.final, alpha, 1) if look.information[-1] > 0 else inf
    return -NormalDist().inv_cdf(alpha) if look.settles else inf


def _bounded(
    champion: Proportion | Estimate, arm: Proportion | Estimate, scale: float, sign: float, reach: float
) -> tuple[float, float, float]:
    """Sign times (arm - scale * champion), with bounds so many standard errors away.

    Shares of which few are yes, or no, do not vary as they should: of them they are Newcombe's, at the level of as many standard errors.
    """
    if isinstance(champion, Proportion) and isinstance(arm, Proportion) and few(champion, arm):
        value, tail = arm.rate - scale * champion.rate, normal_tail(reach)
        low, high = proportions.newcombe(champion, arm, alpha=2 * tail, scale=scale) if tail > _NOTHING else (-inf, inf)
    else:
        one, other = _estimate(champion), _estimate(arm)
        effect = difference(Estimate(one.value * scale, one.variance * scale**2, one.n), other)
        value, far = effect.value, reach * effect.error
        low, high = value - far, value + far
    return (value, low, high) if sign > 0 else (-value, -high, -low)


def _estimate(arm: Arm) -> Estimate:
    found = _plain(arm)
    return found.estimate if isinstance(found, Proportion) else found


def _plain(arm: Arm) -> Proportion | Estimate:
    if isinstance(arm, Histogram):
        raise TypeError("a quantile has bounds, and no difference with an error")
    return arm
