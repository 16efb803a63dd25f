"""How well probabilities fit what happened: ranking, calibration and accuracy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def roc_auc(target: Values, predictions: Values) -> float:
    """The chance that a positive ranks above a negative, ties counting half; NaN where one of them is missing.

    Source: Mann and Whitney (1947); Fawcett (2006), "An introduction to ROC analysis".
    """
    from scipy.stats import rankdata

    positive = target == 1
    n1 = int(positive.sum())
    n0 = len(target) - n1
    if n1 == 0 or n0 == 0:
        return math.nan
    return float((rankdata(predictions)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def average_precision(target: Values, predictions: Values) -> float:
    """Precision averaged over the steps of recall, ties taken together; NaN without a positive."""
    import numpy as np

    positives = float(target.sum())
    if positives == 0:
        return math.nan
    order = np.argsort(-predictions, kind="stable")
    ranked = predictions[order]
    ends = np.r_[np.flatnonzero(np.diff(ranked)), len(ranked) - 1]
    hits = np.cumsum(target[order])[ends]
    return float(np.sum(np.diff(np.r_[0.0, hits / positives]) * hits / (ends + 1)))


def log_loss(target: Values, predictions: Values) -> float:
    """The mean negative log-likelihood, in nats; probabilities are kept one float epsilon away from 0 and 1."""
    import numpy as np

    epsilon = np.finfo(np.float64).eps
    bounded = np.clip(predictions, epsilon, 1 - epsilon)
    return float(-np.mean(target * np.log(bounded) + (1 - target) * np.log1p(-bounded)))


def brier(target: Values, predictions: Values) -> float:
    """The mean squared error of the probabilities. Source: Brier (1950)."""
    import numpy as np

    return float(np.mean((predictions - target) ** 2))


def accuracy(target: Values, predictions: Values) -> float:
    """The share that is right when a probability of 0.5 or more says yes."""
    import numpy as np

    return float(np.mean((predictions >= 0.5) == (target == 1)))  # noqa: PLR2004 - the threshold


METRICS = (
    Metric("roc_auc", f"{__name__}:roc_auc", "higher", range=(0.0, 1.0)),
    Metric("average_precision", f"{__name__}:average_precision", "higher", range=(0.0, 1.0)),
    Metric("accuracy", f"{__name__}:accuracy", "higher", range=(0.0, 1.0)),
    Metric("log_loss", f"{__name__}:log_loss", "lower", range=(0.0, math.inf)),
    Metric("brier", f"{__name__}:brier", "lower", range=(0.0, 1.0)),
)
