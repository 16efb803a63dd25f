"""What a simulated experiment meets: units that arrive, what each metric of theirs is in each arm, how alike one unit's requests are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from headrace.experiment.observed import Better, Seen
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion

Counts = NDArray[np.int64]
Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The champion's value of a metric: `first` when enrolment begins, `last` when it ends, evenly in between.

    A share of requests where `deviation` is None; else a mean of values that spread normally by it.
    """

    first: float
    last: float
    better: Better
    deviation: float | None = None

    def at(self, elapsed: float) -> float:
        """After this share of the enrolment."""
        return self.first + (self.last - self.first) * min(max(elapsed, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Units of one kind: `per_day` of them take part, and `effect` is by metric what the candidate's value is above the champion's.

    Each makes `cluster` requests, whose values resemble each other as much as `icc` says (the correlation within a unit, below 1), and what
    came of them is known after `delay`. Every arm but the candidate is as the champion. `dealt` are the shares that arms really get.
    """

    name: str
    per_day: float
    values: Mapping[str, Value]
    dealt: Mapping[str, float]
    effect: Mapping[str, float] = field(default_factory=dict)
    delay: timedelta = timedelta(0)
    cluster: int = 1
    icc: float = 0.0

    def arrived(self, days: float) -> int:
        """How many units have entered after so many days."""
        return int(self.per_day * max(days, 0.0) + 1e-9)

    def mean(self, metric: str, arm: str, elapsed: float) -> float:
        """The expected value of a request of one arm; a share stays between 0 and 1."""
        about = self.values[metric]
        found = about.at(elapsed) + (self.effect.get(metric, 0.0) if arm == "candidate" else 0.0)
        return found if about.deviation is not None else min(max(found, 0.0), 1.0)

    def drawn(self, rng: np.random.Generator, metric: str, arm: str, n: Counts, elapsed: float) -> Sums:
        """What n units of each run made, (2, runs): the sum of the units' sums over their requests, and the sum of its squares."""
        mean, about = self.mean(metric, arm, elapsed), self.values[metric]
        if about.deviation is not None:
            return _normal(rng, n, mean * self.cluster, self._spread(about.deviation))
        if self.cluster == 1:
            hits = rng.binomial(n, mean).astype(float)
            return np.array([hits, hits])
        every = np.arange(self.cluster + 1.0)
        of_each = rng.multinomial(n, _chances(self.cluster, mean, self.icc)).astype(float)
        return np.array([of_each @ every, of_each @ every**2])

    def seen(self, metric: str, n: int, total: float, squares: float) -> Seen:
        """The same of one run as an analysis has it: counts of units, values of units, or of several requests a unit both sums."""
        if self.cluster > 1:
            requests = Moments.of_sums(n, float(n * self.cluster), float(n * self.cluster**2))
            return JointMoments.of_sums(Moments.of_sums(n, total, squares), requests, total * self.cluster)
        if self.values[metric].deviation is None:
            return Proportion(n, round(total))
        return Moments.of_sums(n, total, squares)

    def _spread(self, deviation: float) -> float:
        """The standard deviation of a unit's sum over its requests."""
        return deviation * float(np.sqrt(self.cluster * (1.0 + (self.cluster - 1) * self.icc)))


def _normal(rng: np.random.Generator, n: Counts, mean: float, deviation: float) -> Sums:
    """The sum and the sum of squares of n normal values: both have known distributions, and none is drawn by itself."""
    some = np.maximum(n, 1)
    average = mean + deviation / np.sqrt(some) * rng.standard_normal(n.shape)
    around = deviation**2 * np.where(n > 1, rng.chisquare(np.maximum(n - 1, 1)), 0.0)
    return np.where(n > 0, np.array([some * average, around + some * average**2]), 0.0)


def _chances(cluster: int, rate: float, icc: float) -> Sums:
    """How many of a unit's requests are hits, (cluster + 1,): beta-binomial, or binomial where nothing is alike."""
    from scipy.stats import betabinom, binom

    every = np.arange(cluster + 1)
    if not icc or not 0.0 < rate < 1.0:
        found = binom.pmf(every, cluster, rate)
    else:
        scale = (1.0 - icc) / icc
        found = betabinom.pmf(every, cluster, rate * scale, (1.0 - rate) * scale)
    chances: Sums = found / found.sum()
    return chances
