"""Which of many looks may decide something: those whose sums come near a bound that the analysis tests, or past it.

A look is passed over where no metric comes near the most lenient of its bounds, so that the analysis would find nothing. What is asked is
then analysed in full: bounds are the designs' own, a hair narrower, so that rounding loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf

import numpy as np
from numpy.typing import NDArray

from headrace.experiment import design
from headrace.experiment.declared import CHAMPION, Declared
from headrace.experiment.world import Counts, Sums, Value
from headrace.stats import confidence_sequence, sample_ratio
from headrace.stats.effect import Effect
from headrace.stats.proportions import FEW

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

        `information` is that of all looks up to this one. `arrived` and `known` are units, (runs, arms); `made` is by metric the sums of
        those that are known, (arms, 2, runs).
        """
        asked = self._wrong_shares(arrived)
        looks = (*(t for t in information[:-1] if t > 0), information[-1])
        for metric, sums in made.items():
            value, error = self._estimates(known, sums)
            for place in self.others:
                n = known[:, self.champion] + known[:, place]
                apart, spread = value[place] - value[self.champion], np.hypot(error[place], error[self.champion])
                for sign in self._tests(metric, information[-1]):
                    far = sign * apart if sign else np.abs(apart)
                    reach = self._harmful(n, place) if sign else self._different(looks, n, place)
                    # Where nothing varies, or few of a share are hits, the analysis says what follows.
                    asked |= (n > 0) & (~(far < reach * spread * _ROOM) | self._few(metric, known, sums, place))
        return asked

    def _tests(self, metric: str, information: float) -> Iterator[float]:
        """How a metric may end a run at this look: 0, by either side, as a primary; as a guardrail, the sign of what is worse."""
        design_looks = self.declared.design == "always_valid" or (self.declared.design == "group_sequential" and information > 0)
        if design_looks and metric in {one.metric for one in self.declared.primary}:
            yield 0.0
        if metric in {one.metric for one in self.declared.guardrails}:
            yield -1.0 if self.values[metric].better == "higher" else 1.0

    def _different(self, looks: tuple[float, ...], n: Counts, place: int) -> NDArray[np.float64]:
        """How many standard errors a primary has to be away from 0, (runs,), at the level of the last comparison of Holm's procedure."""
        alpha = self.declared.alpha
        if self.declared.design == "group_sequential":
            return np.full(n.shape, design.bound(looks, False, alpha, 2))
        return self._of_sizes(n, place, lambda one, planned: confidence_sequence.compare(one, planned=planned, alpha=alpha).high or 0.0)

    def _harmful(self, n: Counts, place: int) -> NDArray[np.float64]:
        """The same of a guardrail that is worse, which a sequence tells in every design."""
        alpha = self.declared.alpha
        return self._of_sizes(n, place, lambda one, planned: confidence_sequence.one_sided(one, planned=planned, alpha=alpha)[1])

    def _of_sizes(self, n: Counts, place: int, reach: Callable[[Effect, float], float]) -> NDArray[np.float64]:
        whole = self.declared.arms[CHAMPION] + self.declared.arms[self.arms[place]]
        planned = self.planned * whole if self.planned < inf else _ANY
        sizes, of = np.unique(np.maximum(n, 1), return_inverse=True)
        return np.array([reach(Effect(0.0, 1.0, int(size), 1.0), planned) for size in sizes])[of]

    def _few(self, metric: str, known: Counts, sums: Sums, place: int) -> Which:
        """Whether an arm has so few hits or misses that its interval is another."""
        if self.cluster > 1 or self.values[metric].deviation is not None:
            return np.zeros(len(known), dtype=bool)
        found = [np.minimum(sums[arm, 0], known[:, arm] - sums[arm, 0]) < FEW for arm in (self.champion, place)]
        either: Which = found[0] | found[1]
        return either

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
