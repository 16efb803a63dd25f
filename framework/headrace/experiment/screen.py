"""Which of many looks may decide something: those whose sums come near a bound that the analysis tests, or past it.

A look is passed over where no metric comes near the most lenient of its bounds, so that the analysis would find nothing. What is asked is then
analysed in full: bounds are the designs' own, a hair narrower, so that rounding loses none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

import numpy as np
from numpy.typing import NDArray

from headrace.experiment import design
from headrace.experiment.declared import CHAMPION, Declared
from headrace.experiment.world import Counts, Sums, Value
from headrace.stats import confidence_sequence, sample_ratio
from headrace.stats.effect import Effect
from headrace.stats.group_sequential import Sides

Which = NDArray[np.bool_]

_ROOM = 1.0 - 1e-6
_ANY = 10_000.0
"""What the analysis narrows a sequence at where nothing says how many units are planned."""


class Screen:
    """Of one experiment; `values` are its metrics, of which each unit has `cluster` requests, and `planned` its planned units."""

    def __init__(self, declared: Declared, values: Mapping[str, Value], cluster: int, planned: float) -> None:
        self.declared, self.values, self.cluster, self.planned = declared, values, cluster, planned
        self.arms = list(declared.arms)
        self.champion = self.arms.index(CHAMPION)
        self.others = [place for place in range(len(self.arms)) if place != self.champion]

    def may_decide(self, information: tuple[float, ...], arrived: Counts, known: Counts, made: Mapping[str, Sums]) -> Which:
        """Which runs are to be analysed, (runs,), at a look that is not the last.

        `information` is that of all looks up to this one. `arrived` and `known` are units, (runs, arms); `made` is by metric the sums of those
        that are known, (arms, 2, runs).
        """
        asked = self._wrong_shares(arrived)
        if self.declared.design not in {"group_sequential", "always_valid"}:
            return asked
        if self.declared.design == "group_sequential" and not information[-1] > 0:
            return asked
        looks = (*(t for t in information[:-1] if t > 0), information[-1])
        for metric, sums in made.items():
            value, error = self._estimates(known, sums)
            for place in self.others:
                n = known[:, self.champion] + known[:, place]
                apart, spread = value[place] - value[self.champion], np.hypot(error[place], error[self.champion])
                for sides, sign in self._tests(metric):
                    far = sign * apart if sign else np.abs(apart)
                    # Where nothing varies the analysis says what follows.
                    asked |= (n > 0) & ~(far < self._reach(looks, n, place, sides) * spread * _ROOM)
        return asked

    def _tests(self, metric: str) -> Iterator[tuple[Sides, float]]:
        """How a metric may end a run: by either side of a primary's interval, or where it is worse, as a guardrail."""
        if metric in {one.metric for one in self.declared.primary}:
            yield 2, 0.0
        if metric in {one.metric for one in self.declared.guardrails}:
            yield 1, -1.0 if self.values[metric].better == "higher" else 1.0

    def _reach(self, looks: tuple[float, ...], n: Counts, place: int, sides: Sides) -> NDArray[np.float64]:
        """How many standard errors a difference has to be away from 0, (runs,), at the level of the last comparison of Holm's procedure."""
        alpha = self.declared.alpha
        if self.declared.design == "group_sequential":
            return np.full(n.shape, design.bound(looks, False, alpha, sides))  # noqa: FBT003 - a key of the cache
        whole = self.declared.arms[CHAMPION] + self.declared.arms[self.arms[place]]
        planned = self.planned * whole if self.planned < inf else _ANY
        sizes, of = np.unique(np.maximum(n, 1), return_inverse=True)
        units = [Effect(0.0, 1.0, int(size), 1.0) for size in sizes]
        if sides == 1:
            return np.array([confidence_sequence.one_sided(one, planned=planned, alpha=alpha)[1] for one in units])[of]
        return np.array([confidence_sequence.compare(one, planned=planned, alpha=alpha).high or 0.0 for one in units])[of]

    def _estimates(self, known: Counts, sums: Sums) -> tuple[Sums, Sums]:
        """The arms' values and their standard errors, both (arms, runs); of several requests a unit, those of a request."""
        n = np.maximum(known.T, 1)
        total, squares = sums[:, 0] / self.cluster, sums[:, 1] / self.cluster**2
        return total / n, np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0.0) / n)

    def _wrong_shares(self, arrived: Counts) -> Which:
        """Whether units do not arrive at their shares; a little before the analysis says so."""
        from scipy.special import gammaln

        shares = np.array([self.declared.arms[arm] for arm in self.arms])
        prior = 100.0 * shares
        found = gammaln(100.0) - gammaln(100.0 + arrived.sum(axis=1))
        found = found + (gammaln(prior + arrived) - gammaln(prior) - arrived * np.log(shares)).sum(axis=1)
        near: Which = found >= sample_ratio.ALARM - 1e-6
        return near
