"""What a simulated rollout meets: how much traffic, how often each arm is bad, and whether failures come alone or in clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.rollout.canary import Canary, Judge

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rate:
    """The champion's share of bad requests: `first` when the rollout begins, `last` when its steps are over, evenly in between."""

    first: float
    last: float

    def at(self, elapsed: float) -> float:
        """After this share of all steps."""
        return self.first + (self.last - self.first) * min(max(elapsed, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Effect:
    """How bad the candidate is: so many `times` the champion's rate, or a `rate` of its own."""

    times: float = 1.0
    rate: float | None = None

    def of(self, champion: float) -> float:
        """The candidate's rate beside the champion's, at most 1."""
        return self.rate if self.rate is not None else min(1.0, champion * self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Traffic of one kind: `per_day` requests, Poisson; by metric the champion's rate and the candidate's effect.

    Of `cluster` requests that come of one unit, failures resemble each other as much as `icc` says: beta-binomial, 0 not at all, below 1.
    """

    name: str
    per_day: float
    base: Mapping[str, Rate]
    effect: Mapping[str, Effect]
    cluster: int = 1
    icc: float = 0.0

    def rates(self, metric: str, elapsed: float) -> tuple[float, float]:
        """The candidate's rate and the champion's after this share of all steps."""
        champion = self.base[metric].at(elapsed)
        return self.effect.get(metric, Effect()).of(champion), champion

    def units(self, rng: np.random.Generator, requests: Counts) -> Counts:
        """How many units so many requests come of, (runs,): what is left over is one by chance, or the smaller arm would seem larger."""
        whole, left = np.divmod(requests, self.cluster)
        found: Counts = whole + (rng.random(requests.shape) * self.cluster < left)
        return found

    def of_units(self, rate: float) -> float:
        """The share of units that fail at least once, where so large a share of requests fails."""
        if not self.icc or not 0.0 < rate < 1.0:
            return float(1.0 - (1.0 - rate) ** self.cluster)
        from math import exp, lgamma

        scale = (1.0 - self.icc) / self.icc
        sound, n = (1.0 - rate) * scale, self.cluster
        return 1.0 - exp(lgamma(sound + n) - lgamma(sound) + lgamma(scale) - lgamma(scale + n))

    def no_worse(self, canary: Canary) -> bool:
        """Whether a rollback for harm would be false: no metric is worse than the champion's, and none is above its ceiling, ever."""
        return all(
            candidate <= champion and (judge.ceiling is None or candidate <= judge.ceiling)
            for judge in canary.judge
            for candidate, champion in self._ends(judge)
        )

    def beyond(self, canary: Canary) -> bool:
        """Whether a promotion would be false: some metric is beyond its margin, and not negligible, throughout."""
        return any(
            all(candidate >= judge.promote_below * champion and candidate >= judge.negligible for candidate, champion in self._ends(judge))
            for judge in canary.judge
        )

    def bad(self, rng: np.random.Generator, n: Counts, rate: float) -> Counts:
        """How many of n requests are bad, (runs,)."""
        if self.cluster == 1 or not self.icc or not 0.0 < rate < 1.0:
            return rng.binomial(n, rate)
        found, left = np.zeros_like(n), n.copy()
        scale = (1.0 - self.icc) / self.icc
        while left.any():
            of_one = np.minimum(left, self.cluster)
            found += rng.binomial(of_one, rng.beta(rate * scale, (1.0 - rate) * scale, size=n.shape))
            left -= of_one
        return found

    def _ends(self, judge: Judge) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.judged(judge, 0.0), self.judged(judge, 1.0)

    def judged(self, judge: Judge, elapsed: float) -> tuple[float, float]:
        """`rates`, of what the judge counts: of requests, or of units."""
        candidate, champion = self.rates(judge.metric, elapsed)
        return (self.of_units(candidate), self.of_units(champion)) if judge.count == "units" else (candidate, champion)
