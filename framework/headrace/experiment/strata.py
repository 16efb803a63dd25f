"""Two arms of one metric over all epochs: compared within each, so that shares that changed under a drifting metric mislead nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from headrace.experiment.observed import Seen, merged, units
from headrace.stats import cuped, effect
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.cuped import Covaried
from headrace.stats.effect import Estimate
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion
from headrace.stats.ratio import ratio
from headrace.stats.untestable import UntestableError

Arm = Proportion | Estimate | Histogram


@dataclass(frozen=True, slots=True)
class Pair:
    """The champion's and an arm's value of a metric; `small` are the counts of yes and no over all epochs, where it is a share of units."""

    champion: Arm
    arm: Arm
    small: tuple[Proportion, Proportion] | None = None


def pair(champion: Mapping[int, Seen], arm: Mapping[int, Seen]) -> Pair:
    """Both arms by epoch, as one comparison over those epochs in which both have units.

    Within one epoch shares of units stay counts. Over several each epoch weighs n_c n_t / (n_c + n_t) in both arms alike: the inverse
    variance of a difference whose units vary alike, which is no less precise where they do, and stands where an epoch of few units has no
    variance at all. Source: Cochran (1954), "Some methods for strengthening the common chi-square tests". UntestableError where no epoch
    has two units of each arm, or where a ratio has no denominator.
    """
    epochs = [epoch for epoch in sorted(champion) if epoch in arm and min(units(champion[epoch]), units(arm[epoch])) > 1]
    if not epochs:
        raise UntestableError("in no epoch have both arms two units")
    if isinstance(champion[epochs[0]], Histogram):
        return Pair(_whole(champion, epochs), _whole(arm, epochs))
    counts = _counts([champion[epoch] for epoch in epochs]), _counts([arm[epoch] for epoch in epochs])
    small = (counts[0], counts[1]) if counts[0] is not None and counts[1] is not None else None
    if small is not None and len(epochs) == 1:
        return Pair(*small, small)
    both = [_estimates(champion[epoch], arm[epoch]) for epoch in epochs]
    weights = [one.n * other.n / (one.n + other.n) for one, other in both]
    return Pair(_weighted([one for one, _ in both], weights), _weighted([other for _, other in both], weights), small)


def _whole(by_epoch: Mapping[int, Seen], epochs: Sequence[int]) -> Histogram:
    found: Seen | None = None
    for epoch in epochs:
        found = merged(found, by_epoch[epoch])
    if not isinstance(found, Histogram):
        raise TypeError("a quantile is told of histograms alone")
    return found


def _counts(found: Sequence[Seen]) -> Proportion | None:
    total = Proportion()
    for one in found:
        if not isinstance(one, Proportion):
            return None
        total += one
    return total


def _estimates(champion: Seen, arm: Seen) -> tuple[Estimate, Estimate]:
    match champion, arm:
        case Proportion(), Proportion():
            return champion.estimate, arm.estimate
        case Moments(), Moments():
            return effect.mean(champion), effect.mean(arm)
        case JointMoments(), JointMoments():
            return ratio(champion), ratio(arm)
        case Covaried(), Covaried():
            adjusted = cuped.adjust(champion, arm)
            return adjusted.control, adjusted.treatment
        case _:
            raise TypeError(f"{type(champion).__name__} and {type(arm).__name__} of one metric cannot be compared")


def _weighted(found: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """The mean of the epochs' values, with the variance of one unit's share in it."""
    if len(found) == 1:
        return found[0]
    whole, n = fsum(weights), sum(one.n for one in found)
    shares = [weight / whole for weight in weights]
    value = fsum(share * one.value for share, one in zip(shares, found, strict=True))
    variance = n * fsum(share**2 * one.variance / one.n for share, one in zip(shares, found, strict=True))
    base = fsum(share * (one.value if one.base is None else one.base) for share, one in zip(shares, found, strict=True))
    return Estimate(value, variance, n, base=base)
