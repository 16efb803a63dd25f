"""Where a quantile lies, at every look at once and whatever the distribution: latencies without a mean.

How many values are at most the p-quantile is a count with the chance p at least, and how many are below it one with p at most. Both
are tested by a mixture over the other chances. Source: Howard and Ramdas (2022), "Sequential estimation of quantiles with applications to
A/B testing and best-arm identification", theorem 1(b), with the one-sided beta-binomial mixture of Howard, Ramdas, McAuliffe and Sekhon
(2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", proposition 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite, log, log1p
from typing import TYPE_CHECKING

from headrace.stats.effect import checked_alpha
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values between k edges, (k + 1,): below the first, from each to the next (not itself), from the last on."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(isfinite(edge) for edge in self.edges) and list(self.edges) == sorted(set(self.edges))
        if not rising or len(self.counts) != len(self.edges) + 1 or min(self.counts) < 0:
            raise ValueError("a histogram has edges that rise, and one count of 0 or more than it has edges")

    def __add__(self, other: Histogram) -> Histogram:
        if self.edges != other.edges:
            raise ValueError("histograms of other edges do not add up")
        return Histogram(self.edges, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @classmethod
    def of(cls, values: ArrayLike, edges: tuple[float, ...]) -> Histogram:
        """That of (n,) values, infinite ones too; ValueError where one is not a number."""
        import numpy as np

        found = np.asarray(values, dtype=np.float64)
        if lost := int(np.isnan(found).sum()):
            raise ValueError(f"{lost:,} of {found.size:,} values are not numbers")
        places = np.searchsorted(np.array(edges), found, side="right")
        return cls(edges, tuple(np.bincount(places, minlength=len(edges) + 1).tolist()))

    @property
    def n(self) -> int:
        """The values."""
        return sum(self.counts)


def interval(histogram: Histogram, at: float, *, planned: float, alpha: float) -> tuple[float, float]:
    """Bounds of the quantile `at` that hold together at every look but with the chance alpha: the edges around `ranks`.

    In the values' unit; infinite where too few values are known. ValueError where `at` is not between 0 and 1; UntestableError without
    a value.
    """
    low, high = ranks(histogram.n, at, planned=planned, alpha=alpha)
    upto = list(accumulate(histogram.counts))

    def cell(rank: int) -> int:
        return next(place for place, count in enumerate(upto) if count >= rank)

    edges = (-inf, *histogram.edges, inf)
    return (edges[cell(low)] if low >= 1 else -inf), (edges[cell(high) + 1] if high <= histogram.n else inf)


def ranks(n: int, at: float, *, planned: float, alpha: float) -> tuple[int, int]:
    """Between which of n ordered values the quantile lies, from 1 on: 0 is below them all, and n + 1 above them all.

    `planned` is the number of values at which they are closest together; it is fixed before the start.
    """
    if not 0 < at < 1:
        raise ValueError(f"a quantile of {at} does not lie between 0 and 1")
    if not 0 < planned < inf:
        raise ValueError(f"{planned} values are planned: a positive number is needed")
    if not n:
        raise UntestableError("there is no value")
    enough = log(2 / checked_alpha(alpha))
    prior = max(1.0, planned / (2 * enough + log1p(2 * enough)))
    # Refused is an x that k values or fewer are at most, or that k or more are below.
    low = _last(lambda k: _evidence_below(k, n, at, prior) >= enough, int(n * at)) + 1
    high = n - _last(lambda k: _evidence_below(k, n, 1 - at, prior) >= enough, int(n * (1 - at)))
    return low, high


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest k of 0 to `most` for which it holds, where it holds for all smaller ones; -1 where for none."""
    low, high = -1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _evidence_below(k: int, n: int, p: float, prior: float) -> float:
    """Log E against "each is a hit with the chance p at least", from k hits of n: a beta of so many prior values, cut off above p."""
    from scipy.special import betainc, betaln

    a, b = prior * p, prior * (1 - p)
    below, before = float(betainc(a + k, b + n - k, p)), float(betainc(a, b, p))
    if below == 0:
        return -inf
    return float(betaln(a + k, b + n - k) - betaln(a, b)) + log(below / before) - k * log(p) - (n - k) * log1p(-p)
