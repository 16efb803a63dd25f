"""Whether a probability means what it says: errors by bins of equal mass, Brier's score taken apart, and the line of the logit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BINS = 15
_EDGE = 1e-6
"""Probabilities are kept so far from 0 and 1 before their logit is taken: one row that is said to be certain is not all of the line."""
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Decomposed:
    """Brier's score = reliability - resolution + uncertainty + within. Sources: Murphy (1973); Stephenson et al. (2008) for `within`."""

    reliability: float
    resolution: float
    uncertainty: float
    within: float
    """What the bins hide: the variance of the probabilities inside them, less twice their covariance with what happened."""


def binned(target: Values, predictions: Values, bins: int = BINS) -> tuple[Values, Values, Values]:
    """Rows, mean prediction and observed share of each bin, (b,): as many rows in each as ties allow, equal predictions together."""
    import numpy as np

    edges = np.unique(np.quantile(predictions, np.arange(1, bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(edges, predictions, side="left")
    n = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
    said = np.bincount(place, weights=predictions, minlength=len(edges) + 1)
    happened = np.bincount(place, weights=target, minlength=len(edges) + 1)
    some = n > 0
    return n[some], said[some] / n[some], happened[some] / n[some]


def expected_error(target: Values, predictions: Values, bins: int = BINS) -> float:
    """The mean distance of what is said from what happened, over bins of equal mass weighed by their rows; NaN without a row.

    Sources: Naeini, Cooper and Hauskrecht (2015); Nixon et al. (2019), "Measuring calibration in deep learning", for equal mass.
    """
    import numpy as np

    if not len(target):
        return math.nan
    n, said, happened = binned(target, predictions, bins)
    return float(np.sum(n * np.abs(said - happened)) / len(target))


def decompose(target: Values, predictions: Values, bins: int = BINS) -> Decomposed:
    """Brier's score of (n,) rows taken apart by bins of equal mass; NaN without a row."""
    import numpy as np

    if not len(target):
        return Decomposed(math.nan, math.nan, math.nan, math.nan)
    n, said, happened = binned(target, predictions, bins)
    share = float(target.mean())
    reliability = float(np.sum(n * (said - happened) ** 2) / len(target))
    resolution = float(np.sum(n * (happened - share) ** 2) / len(target))
    whole = float(np.mean((predictions - target) ** 2))
    uncertainty = share * (1 - share)
    return Decomposed(reliability, resolution, uncertainty, whole - reliability + resolution - uncertainty)


def intercept(target: Values, predictions: Values) -> float:
    """Calibration in the large: what has to be added to the logit, and nothing else, for the mean to be right; 0 is best.

    Above 0 the predictions are too low. Source: Cox (1958); Van Calster et al. (2019), "Calibration: the Achilles heel of predictive
    analytics". NaN where one answer is missing.
    """
    return _fitted(target, predictions, sloped=False)[0]


def slope(target: Values, predictions: Values) -> float:
    """The slope of a logistic regression of the answer on the logit: 1 is best, below 1 the predictions are too extreme.

    NaN where one answer is missing, where all predictions are the same, or where they part the answers.
    """
    return _fitted(target, predictions, sloped=True)[1]


def _fitted(target: Values, predictions: Values, *, sloped: bool) -> tuple[float, float]:
    """Intercept and slope by Newton's method."""
    import numpy as np

    x = np.clip(predictions, _EDGE, 1 - _EDGE)
    x = np.log(x / (1 - x))
    if not len(target) or target.min() == target.max() or (sloped and np.ptp(x) == 0):
        return math.nan, math.nan
    a, b = 0.0, 1.0
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(a + b * x, -500, 500)))
        w, off = p * (1 - p), target - p
        if not sloped:
            step = float(off.sum() / w.sum()) if w.sum() > 0 else math.nan
            change = (step, 0.0)
        else:
            h = np.array([[w.sum(), (w * x).sum()], [(w * x).sum(), (w * x * x).sum()]])
            if not np.isfinite(h).all() or np.linalg.det(h) <= 0:
                return math.nan, math.nan
            change = tuple(np.linalg.solve(h, [off.sum(), (off * x).sum()]).tolist())
        a, b = a + change[0], b + change[1]
        if not math.isfinite(a + b):
            break
        if max(map(abs, change)) < 1e-10:  # noqa: PLR2004 - far below what rows can tell
            return a, b
    return math.nan, math.nan
