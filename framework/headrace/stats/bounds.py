"""How far a value may be from the truth that it was measured of, and a difference of two models on the same rows: one-sided bounds.

Each bound holds alone with `confidence`, so both together with 2 confidence - 1. Exact where an exact one exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.stats.paired import FEW_OF_A_CLASS, areas_and_covariance
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

CLOPPER_PEARSON = "Clopper-Pearson, exact"
ORDER = "order statistics, exact"
DELONG_LOGIT = "DeLong, logit"
SEPARATED = "all pairs in order, exact"
DELONG = "DeLong"
TANGO = "McNemar, Tango's score interval"
MCNEMAR_EXACT = "McNemar, exact"
FEW_APART = 25
"""So few rows that one alone had right are counted exactly."""
_NOTHING = 1e-12
_LITTLE = 1e-9


@dataclass(frozen=True, slots=True)
class Bounds:
    """A value or a difference, its two bounds, how they were made, and (of a difference) how likely one so large is where there is none."""

    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    resamples: int = 0
    p: float | None = None


def proportion(hits: int, n: int, *, confidence: float = 0.95) -> Bounds:
    """The share of n rows that are hits. Source: Clopper and Pearson (1934). NaN, and no bounds, of no rows."""
    from scipy.stats import beta

    if not n:
        return Bounds(math.nan, 0.0, 1.0, confidence, CLOPPER_PEARSON)
    low = float(beta.ppf(1 - confidence, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(confidence, hits + 1, n - hits)) if hits < n else 1.0
    return Bounds(hits / n, low, high, confidence, CLOPPER_PEARSON)


def quantile(values: Values, at: float, *, confidence: float = 0.95) -> Bounds:
    """A quantile of what (m,) values were drawn of, between two of them, whatever its distribution; an end that none reaches is infinite.

    The i-th smallest lies above it with the chance that fewer than i of m lie below. Source: Conover (1999), section 3.2.
    """
    import numpy as np
    from scipy.stats import binom

    if not len(values):
        return Bounds(math.nan, -math.inf, math.inf, confidence, ORDER)
    ordered, m = np.sort(values), len(values)
    above = next((i for i in range(1, m + 1) if binom.cdf(i - 1, m, at) >= confidence), None)
    below = next((i for i in range(m, 0, -1) if binom.sf(i - 1, m, at) >= confidence), None)
    low = -math.inf if below is None else float(ordered[below - 1])
    high = math.inf if above is None else float(ordered[above - 1])
    return Bounds(float(np.quantile(ordered, at, method="higher")), low, high, confidence, ORDER)


def area(target: Values, scores: Values, *, confidence: float = 0.95) -> Bounds:
    """The area under the ROC curve, (n,) each, with DeLong's variance on the scale of the logit, so that no bound leaves 0 to 1.

    Sources: DeLong, DeLong and Clarke-Pearson (1988); Pepe (2003), section 5.2.4, for the logit. Where the scores part the classes, the
    variance is 0 and says nothing: then the bound is where so many independent pairs as the smaller class has would all be in order
    with the chance 1 - confidence. UntestableError where a class has fewer than two rows.
    """
    from scipy.stats import norm

    positive = target == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if min(n1, n0) < 2:  # noqa: PLR2004 - one row has no variance
        raise UntestableError(f"{min(n1, n0)} rows have the one answer, and two of each are needed")
    areas, covariance = areas_and_covariance(positive, (scores,))
    found, variance = areas[0], covariance[0][0]
    if variance < _NOTHING or min(found, 1 - found) < _NOTHING:
        room = (1 - confidence) ** (1 / min(n1, n0))
        if found > 1 - _NOTHING:
            return Bounds(found, room, 1.0, confidence, SEPARATED)
        if found < _NOTHING:
            return Bounds(found, 0.0, 1 - room, confidence, SEPARATED)
        raise UntestableError("the area has no variance in these rows")
    reach = float(norm.ppf(confidence)) * math.sqrt(variance) / (found * (1 - found))
    middle = math.log(found / (1 - found))
    return Bounds(found, _expit(middle - reach), _expit(middle + reach), confidence, DELONG_LOGIT)


def paired_area(target: Values, candidate: Values, other: Values, *, confidence: float = 0.95) -> Bounds:
    """The area of the candidate less the other's, (n,) each, with DeLong's variance; p is two-sided.

    UntestableError where a class has fewer than ten rows, or where the areas differ and have no variance.
    """
    from scipy.stats import norm

    positive = target == 1
    few = min(int(positive.sum()), int((~positive).sum()))
    if few < FEW_OF_A_CLASS:
        raise UntestableError(f"{few} rows have the rarer answer, and DeLong's test needs {FEW_OF_A_CLASS}")
    areas, covariance = areas_and_covariance(positive, (other, candidate))
    apart = areas[1] - areas[0]
    spread = math.sqrt(max(0.0, covariance[0][0] + covariance[1][1] - 2 * covariance[0][1]))
    if spread < _NOTHING:
        if abs(apart) < _NOTHING:
            return Bounds(0.0, 0.0, 0.0, confidence, DELONG, p=1.0)
        raise UntestableError("the areas differ without any variance in these rows, and DeLong's test goes by it")
    reach = float(norm.ppf(confidence)) * spread
    return Bounds(apart, apart - reach, apart + reach, confidence, DELONG, p=float(2 * norm.sf(abs(apart) / spread)))


def paired_share(candidate: NDArray[np.bool_], other: NDArray[np.bool_], *, confidence: float = 0.95) -> Bounds:
    """The share of rows that the candidate has right less the other's, from which rows each had right, (n,) each; p is exact, two-sided.

    The bounds invert a test, so that the lower one is above 0 just where McNemar's says so. Of more than `FEW_APART` rows that one alone
    had right they are Tango's (1998), "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design"; of fewer the wider of these and of the exact ones, which are Clopper and Pearson's of the share that the
    candidate won. UntestableError without a row.
    """
    from scipy.stats import binomtest

    n, lost, won = len(candidate), int((other & ~candidate).sum()), int((candidate & ~other).sum())
    if not n:
        raise UntestableError("there is no row")
    apart = won + lost
    p = float(binomtest(won, apart, 0.5).pvalue) if apart else 1.0
    low, high = _tango(won, lost, n, confidence), -_tango(lost, won, n, confidence)
    if apart > FEW_APART:
        return Bounds((won - lost) / n, low, high, confidence, TANGO, p=p)
    if apart:
        exact = proportion(won, apart, confidence=confidence)
        low, high = (min(low, (2 * exact.low - 1) * apart / n), max(high, (2 * exact.high - 1) * apart / n))
    return Bounds((won - lost) / n, low, high, confidence, MCNEMAR_EXACT, p=p)


def _tango(won: int, lost: int, n: int, confidence: float) -> float:
    """The least difference that the score test does not refuse."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    z = float(norm.ppf(confidence))
    found = (won - lost) / n

    def beyond(delta: float) -> float:
        """How far the score of this difference lies above z; it falls as the difference grows."""
        b = -won - lost + (2 * n - won + lost) * delta
        c = -lost * delta * (1 - delta)
        rare = max(0.0, (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n))
        variance = n * (2 * rare + delta * (1 - delta))
        return (won - lost - n * delta) - z * math.sqrt(max(variance, 0.0))

    # At the difference that was found the score may have no variance at all; a little below it has.
    least, most = -1.0 + _LITTLE, found - _LITTLE
    return float(brentq(beyond, least, most, xtol=1e-12)) if least < most and beyond(least) > 0 > beyond(most) else -1.0


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
