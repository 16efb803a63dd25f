"""Whether a probability means what it says; of several classes, whether the most probable one is right as often as is said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric
from headrace.stats import calibration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def expected_calibration_error(target: Values, predictions: Values) -> float:
    """The mean distance of what is said from what happened, over 15 bins of equal mass; equal predictions stay together.

    Of several classes it is that of the most probable one (Guo et al. 2017).
    """
    import numpy as np

    if predictions.ndim > 1:
        target = np.asarray(predictions.argmax(axis=1) == target, dtype=np.float64)
        predictions = predictions.max(axis=1)
    return calibration.expected_error(target, predictions)


def brier_reliability(target: Values, predictions: Values) -> float:
    """The part of Brier's score that calibration alone could take away, by 15 bins of equal mass. Source: Murphy (1973)."""
    return calibration.decompose(target, predictions).reliability


def brier_resolution(target: Values, predictions: Values) -> float:
    """The part of Brier's score that telling rows apart has taken away, by 15 bins of equal mass. Source: Murphy (1973)."""
    return calibration.decompose(target, predictions).resolution


def calibration_intercept_error(target: Values, predictions: Values) -> float:
    """How far calibration in the large is from 0, on the scale of the logit, above or below."""
    return abs(calibration.intercept(target, predictions))


def calibration_slope_error(target: Values, predictions: Values) -> float:
    """How far the calibration slope is from 1, above or below."""
    return abs(calibration.slope(target, predictions) - 1)


METRICS = (
    Metric(
        "expected_calibration_error",
        f"{__name__}:expected_calibration_error",
        "lower",
        range=(0.0, 1.0),
        tasks=("binary", "multiclass"),
    ),
    Metric("brier_reliability", f"{__name__}:brier_reliability", "lower", range=(0.0, 1.0)),
    Metric("brier_resolution", f"{__name__}:brier_resolution", "higher", range=(0.0, 0.25), partial=True),
    Metric("calibration_intercept_error", f"{__name__}:calibration_intercept_error", "lower", range=(0.0, math.inf), partial=True),
    Metric("calibration_slope_error", f"{__name__}:calibration_slope_error", "lower", range=(0.0, math.inf), partial=True),
)
