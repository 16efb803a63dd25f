"""Whether two models that answered the same rows differ: a test for each kind of metric, with an interval of the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.stats.bootstrap import resampled, units
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Metric = Callable[[Values, Values], float]

CONFIDENCE = 0.95
MCNEMAR = "McNemar, exact"
DELONG = "DeLong"
BCA = "bootstrap, BCa"
PERCENTILE = "bootstrap, percentile"
FEW_OF_A_CLASS = 10
"""Below so many rows of a class the normal distribution that DeLong's test goes by says little."""
LARGEST_BCA = 2000
"""Beyond so many units each is left out once in vain: their pull on the bounds falls with the root of their number."""
_LOST = 0.05
"""The share of resamples without a value, beyond which the others stand for nothing."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A difference with two-sided bounds of `confidence`, and how likely one so large is where there is none."""

    test: str
    estimate: float
    low: float
    high: float
    p: float
    confidence: float = CONFIDENCE


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Tested:
    """The share that is right of `second` less that of `first`, from which rows each had right, shape (n,).

    p is exact: of the rows that one alone had right, each is as likely the one's as the other's (McNemar 1947, with the binomial
    distribution). The bounds are Agresti and Min's (2005), "Simple improved confidence intervals for comparing matched proportions":
    Wald's after half a row more in each cell.
    """
    from scipy.stats import binomtest, norm

    n, lost, won = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(min(lost, won), lost + won, 0.5).pvalue) if lost + won else 1.0
    more, middle, apart = n + 2, (won - lost) / (n + 2), won + lost + 1
    reach = float(norm.ppf(0.5 + CONFIDENCE / 2)) * math.sqrt(apart - more * middle**2) / more
    return Tested(MCNEMAR, (won - lost) / n, max(-1.0, middle - reach), min(1.0, middle + reach), p)


def delong(target: Values, first: Values, second: Values) -> Tested:
    """The area under the ROC curve of `second` less that of `first`, with DeLong's variance, by midranks; shape (n,) each.

    Sources: DeLong, DeLong and Clarke-Pearson (1988); the fast form: Sun and Xu (2014), "Fast implementation of DeLong's algorithm for
    comparing the areas under correlated receiver operating characteristic curves". UntestableError where a class has too few rows, or where
    the areas differ and have no variance.
    """
    from scipy.stats import norm

    positive = target == 1
    counts = {"1": int(positive.sum()), "0": int((~positive).sum())}
    few = min(counts, key=counts.__getitem__)
    if counts[few] < FEW_OF_A_CLASS:
        raise UntestableError(f"{counts[few]} rows have the answer {few}, and DeLong's test needs {FEW_OF_A_CLASS} of each")
    areas, covariance = areas_and_covariance(positive, (first, second))
    estimate = areas[1] - areas[0]
    variance = max(0.0, covariance[0][0] + covariance[1][1] - 2 * covariance[0][1])
    spread = math.sqrt(variance)
    if spread < _NOTHING:
        if abs(estimate) < _NOTHING:
            return Tested(DELONG, 0.0, 0.0, 0.0, 1.0)
        raise UntestableError("the areas differ without any variance in these rows, and DeLong's test goes by it")
    reach = float(norm.ppf(0.5 + CONFIDENCE / 2)) * spread
    return Tested(DELONG, estimate, estimate - reach, estimate + reach, float(2 * norm.sf(abs(estimate) / spread)))


_NOTHING = 1e-12


def areas_and_covariance(positive: NDArray[np.bool_], scores: Sequence[Values]) -> tuple[list[float], list[list[float]]]:
    """The area of each score, and their covariance matrix; two rows of each class at least."""
    import numpy as np
    from scipy.stats import rankdata

    n1, n0 = int(positive.sum()), int((~positive).sum())
    areas, of_positives, of_negatives = [], [], []
    for score in scores:
        ranks = rankdata(score)
        of_positives.append((ranks[positive] - rankdata(score[positive])) / n0)
        of_negatives.append(1.0 - (ranks[~positive] - rankdata(score[~positive])) / n1)
        areas.append(float(of_positives[-1].mean()))
    covariance = np.atleast_2d(np.cov(of_positives)) / n1 + np.atleast_2d(np.cov(of_negatives)) / n0
    return areas, covariance.tolist()


def by_bootstrap(
    metric: Metric,
    target: Values,
    pair: tuple[Values, Values],
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    resamples: int = 2000,
) -> Tested:
    """metric(second) - metric(first) over the same rows drawn again and again, for any metric; `pair` is (first, second).

    With `groups`, shape (n,), what is drawn are groups with all of their rows, since the rows of one are no separate news (Davison and
    Hinkley 1997, ch. 3.8). Bounds are BCa (Efron 1987), of more than `LARGEST_BCA` units percentiles; p is where these bounds would just
    reach 0, and never below 2 / (resamples + 1). UntestableError where the metric is not defined, or too often not.
    """
    import numpy as np
    from scipy.stats import norm

    first, second = pair
    rows = units(len(target), groups)

    def value(at: NDArray[np.intp]) -> float:
        try:
            return float(metric(target[at], second[at]) - metric(target[at], first[at]))
        except ValueError:  # what scikit-learn raises where a class is missing
            return math.nan

    estimate = value(np.arange(len(target)))
    if math.isnan(estimate):
        raise UntestableError("it is not defined on these rows")
    drawn = np.array([value(at) for at in resampled(rows, seed, resamples)])
    sound = drawn[~np.isnan(drawn)]
    if len(sound) < (1 - _LOST) * resamples:
        raise UntestableError(f"it is not defined in {resamples - len(sound):,} of {resamples:,} resamples")
    if np.ptp(sound) == 0:
        if estimate == 0:
            return Tested(PERCENTILE, 0.0, 0.0, 0.0, 1.0)
        raise UntestableError("it is the same in all resamples, and nothing tells how far it could be off")
    bias = acceleration = 0.0
    if bca := len(rows) <= LARGEST_BCA:
        bias, acceleration = _correction(value, rows, sound, estimate, len(target))
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(np.quantile(sound, norm.cdf(_to(float(norm.ppf(at)), bias, acceleration)))) for at in (tail, 1 - tail))
    return Tested(BCA if bca else PERCENTILE, estimate, low, high, _p(sound, bias, acceleration))


def _correction(
    value: Callable[[NDArray[np.intp]], float], rows: Sequence[NDArray[np.intp]], drawn: Values, estimate: float, n: int
) -> tuple[float, float]:
    """Efron's bias and acceleration, the latter by leaving out each unit once; none of it where a unit cannot be left out."""
    import numpy as np
    from scipy.stats import norm

    below = float(((drawn < estimate).sum() + (drawn == estimate).sum() / 2) / len(drawn))
    bias = float(norm.ppf(min(max(below, 1 / (len(drawn) + 1)), 1 - 1 / (len(drawn) + 1))))
    kept = np.ones(n, dtype=bool)
    without = np.empty(len(rows))
    for position, unit in enumerate(rows):
        kept[unit] = False
        without[position] = value(np.flatnonzero(kept))
        kept[unit] = True
    sound = without[~np.isnan(without)]
    pull = sound.mean() - sound if len(sound) else sound
    spread = float((pull**2).sum())
    return bias, float((pull**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0


def _to(z: float, bias: float, acceleration: float) -> float:
    """From a normal quantile to the corrected one."""
    return bias + (bias + z) / (1 - acceleration * (bias + z))


def _p(drawn: Values, bias: float, acceleration: float) -> float:
    """The share of both tails beyond bounds that just reach 0: `_to` the other way round."""
    from scipy.stats import norm

    n = len(drawn)
    below = float((drawn < 0).sum() + (drawn == 0).sum() / 2)
    share = min(max(below / n, 1 / (n + 1)), n / (n + 1))
    off = float(norm.ppf(share)) - bias
    z = off / (1 + acceleration * off) - bias
    return max(2 / (n + 1), float(2 * norm.sf(abs(z))))
