"""How far predicted numbers are from what happened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def mae(target: Values, predictions: Values) -> float:
    """The mean absolute error, in the target's unit; NaN without a row."""
    return float(errors(target, predictions).mean()) if len(target) else math.nan


def errors(target: Values, predictions: Values) -> Values:
    """The absolute error of each row, (n,)."""
    import numpy as np

    return np.asarray(abs(predictions - target))


def rmse(target: Values, predictions: Values) -> float:
    """The root of the mean squared error, in the target's unit: large errors count for more; NaN without a row."""
    return float(math.sqrt(((predictions - target) ** 2).mean())) if len(target) else math.nan


def r2(target: Values, predictions: Values) -> float:
    """The share of the variance that is explained: 0 for who always says the mean, below for who does worse.

    NaN where the target does not vary.
    """
    if not len(target):
        return math.nan
    total = float(((target - target.mean()) ** 2).sum())
    return float(1 - ((predictions - target) ** 2).sum() / total) if total > 0 else math.nan


def mape(target: Values, predictions: Values) -> float:
    """The mean absolute error as a share of what is true (0.1 is 10 %); NaN where a target is 0, since no share of nothing is defined.

    Its traps: an error below what is true is at most 1, one above has no end, so it favours who says too little; and targets near 0
    outweigh all others. Source: Hyndman and Koehler (2006), "Another look at measures of forecast accuracy".
    """
    if not len(target) or (target == 0).any():
        return math.nan
    return float(abs((predictions - target) / target).mean())


def _metric(name: str, each: str | None = None) -> Metric:
    rows = None if each is None else f"{__name__}:{each}"
    return Metric(name, f"{__name__}:{name}", "lower", needs="number", range=(0.0, math.inf), each=rows)


METRICS = (
    _metric("mae", each="errors"),
    _metric("rmse"),
    _metric("mape"),
    Metric("r2", f"{__name__}:r2", "higher", needs="number", range=(-math.inf, 1.0)),
)
