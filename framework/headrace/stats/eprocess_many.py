"""The e-processes of `stats.eprocess`, of many rollouts at once: what simulations judge by.

The grids are those that servers judge by, and so is the arithmetic, but for the order of its sums: the logarithms agree within 1e-9.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from headrace.stats import eprocess

Counts = NDArray[np.int64]
Logs = NDArray[np.float64]


class Evidence:
    """One metric of `runs` rollouts that go through the same shares; counts are added block by block.

    `shares` are the candidate's by step, each in (0, 1); `ceiling`, `margin` and `negligible` are those of the metric's judge.
    """

    def __init__(self, runs: int, shares: Sequence[float], *, ceiling: float | None, margin: float, negligible: float) -> None:
        self._likelihoods = (
            _Likelihood(runs, shares, eprocess.RATIO, 1.0),
            _Likelihood(runs, shares, eprocess.relative(margin), margin),
        )
        self._ceiling = None if ceiling is None else _Binomial(eprocess.above(ceiling), ceiling)
        self._absolute = _Binomial(eprocess.below(negligible), negligible)
        self.n = np.zeros(runs, dtype=np.int64)
        self.bad = np.zeros(runs, dtype=np.int64)

    def add(self, step: Counts, n_candidate: Counts, bad_candidate: Counts, bad_champion: Counts) -> None:
        """Count a block in which each candidate's share was that of its step; all of shape (runs,)."""
        self.n += n_candidate
        self.bad += bad_candidate
        for likelihood in self._likelihoods:
            likelihood.add(step, bad_candidate, bad_candidate + bad_champion)

    def ratio(self) -> Logs:
        """Log E against "no worse than the champion", (runs,); `stats.eprocess.e_ratio` of each."""
        return self._likelihoods[0].log_e()

    def abort(self) -> Logs:
        """Log E for aborting, (runs,); `stats.eprocess.abort_evidence` of each."""
        ratio = self.ratio()
        if self._ceiling is None:
            return ratio
        return np.logaddexp(log(0.8) + ratio, log(0.2) + self._ceiling.log_e(self.n, self.bad))

    def promote(self) -> Logs:
        """Log E for promotion, (runs,); `stats.eprocess.promote_evidence` of each."""
        return np.logaddexp(self._likelihoods[1].log_e(), self._absolute.log_e(self.n, self.bad)) - log(2.0)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Forget the runs that have ended."""
        self.n, self.bad = self.n[which], self.bad[which]
        for likelihood in self._likelihoods:
            likelihood.totals = likelihood.totals[which]


def shares(weights: Logs, n_candidate: Counts, n_champion: Counts) -> Logs:
    """Log E against "requests arrive at the share that was set", element by element; `stats.eprocess.e_share` of each."""
    from scipy.special import betaln

    start = (100.0 * weights, 100.0 * (1.0 - weights))
    found: Logs = betaln(start[0] + n_candidate, start[1] + n_champion) - betaln(*start)
    return found - n_candidate * np.log(weights) - n_champion * np.log(1.0 - weights)


class _Likelihood:
    """A mixture of ratios against r0: what each failure adds to the logarithm of each alternative, by step."""

    def __init__(self, runs: int, shares: Sequence[float], grid: eprocess.Grid, r0: float) -> None:
        ratios, weights = (np.array(column) for column in zip(*grid, strict=True))
        self._own = np.log(ratios / r0)
        self._any = np.array([np.log((w * ratios + 1.0 - w) / (w * r0 + 1.0 - w)) for w in shares])
        self.totals = np.tile(weights, (runs, 1))

    def add(self, step: Counts, bad_candidate: Counts, failures: Counts) -> None:
        some = np.flatnonzero(failures)
        if len(some):
            self.totals[some] += np.outer(bad_candidate[some], self._own) - failures[some, None] * self._any[step[some]]

    def log_e(self) -> Logs:
        return _logsumexp(self.totals)


class _Binomial:
    """A mixture of rates against p0, from the candidate's failures among its requests."""

    def __init__(self, grid: eprocess.Grid, p0: float) -> None:
        rates, self._weights = (np.array(column) for column in zip(*grid, strict=True))
        self._bad, self._good = np.log(rates / p0), np.log1p(-rates) - np.log1p(-p0)

    def log_e(self, n: Counts, bad: Counts) -> Logs:
        return _logsumexp(self._weights + np.outer(bad, self._bad) + np.outer(n - bad, self._good))


def _logsumexp(values: Logs) -> Logs:
    top = values.max(axis=1, keepdims=True)
    found: Logs = top[:, 0] + np.log(np.exp(values - top).sum(axis=1))
    return found
