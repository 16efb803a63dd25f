"""How well predicted quantiles fit what happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def pinball_loss(target: Values, predictions: Values, *, quantiles: Sequence[float]) -> float:
    """The mean loss over rows and levels, in the target's unit: what lies above a level counts by it, what lies below by the rest.

    Source: Koenker and Bassett (1978), "Regression quantiles". NaN without a row.
    """
    import numpy as np

    if not len(target):
        return math.nan
    levels = np.asarray(quantiles)
    above = target[:, None] - predictions
    return float(np.maximum(levels * above, (levels - 1) * above).mean())


def coverage(target: Values, predictions: Values, *, quantiles: Sequence[float]) -> float:
    """The share of rows between the lowest and the highest level, ends included; NaN for one level, or without a row."""
    if len(quantiles) < 2 or not len(target):  # noqa: PLR2004 - an interval has two ends
        return math.nan
    return float(((predictions[:, 0] <= target) & (target <= predictions[:, -1])).mean())


def coverage_error(target: Values, predictions: Values, *, quantiles: Sequence[float]) -> float:
    """The greatest difference between a level and the share of rows at or below it; NaN without a row."""
    if not len(target):
        return math.nan
    return float(max(abs((target <= predictions[:, i]).mean() - level) for i, level in enumerate(quantiles)))


def interval_width(target: Values, predictions: Values, *, quantiles: Sequence[float]) -> float:
    """The mean distance between the lowest and the highest level, in the target's unit; NaN for one level, or without a row."""
    if len(quantiles) < 2 or not len(target):  # noqa: PLR2004 - an interval has two ends
        return math.nan
    return float((predictions[:, -1] - predictions[:, 0]).mean())


METRICS = (
    Metric("pinball_loss", f"{__name__}:pinball_loss", "lower", needs="quantiles", range=(0.0, math.inf)),
    Metric("coverage", f"{__name__}:coverage", "higher", needs="quantiles", range=(0.0, 1.0)),
    Metric("coverage_error", f"{__name__}:coverage_error", "lower", needs="quantiles", range=(0.0, 1.0)),
    Metric("interval_width", f"{__name__}:interval_width", "lower", needs="quantiles", range=(0.0, math.inf)),
)
