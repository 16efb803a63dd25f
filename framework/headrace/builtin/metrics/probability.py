"""How well probabilities fit what happened: ranking, calibration and accuracy; of a yes or no, (n,), and of several classes, (n, c)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Average = Literal["macro", "weighted", "each"]
_THRESHOLD = 0.5


def roc_auc(target: Values, predictions: Values, *, average: Average = "macro") -> float | Values:
    """The chance that a positive ranks above a negative, ties counting half; NaN where one of them is missing.

    Of several classes each against the rest, then averaged. Source: Mann and Whitney (1947); Fawcett (2006), "An introduction to ROC
    analysis"; Provost and Domingos (2000) for several classes.
    """
    return _area(target, predictions) if predictions.ndim == 1 else _averaged(_area, target, predictions, average)


def _area(target: Values, predictions: Values) -> float:
    from scipy.stats import rankdata

    positive = target == 1
    n1 = int(positive.sum())
    n0 = len(target) - n1
    if n1 == 0 or n0 == 0:
        return math.nan
    return float((rankdata(predictions)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def average_precision(target: Values, predictions: Values, *, average: Average = "macro") -> float | Values:
    """Precision averaged over the steps of recall, ties taken together; NaN without a positive.

    Of several classes each against the rest, then averaged.
    """
    return _steps(target, predictions) if predictions.ndim == 1 else _averaged(_steps, target, predictions, average)


def _steps(target: Values, predictions: Values) -> float:
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
    return _mean(log_losses(target, predictions))


def log_losses(target: Values, predictions: Values) -> Values:
    """The negative log-likelihood of each row, in nats, (n,)."""
    import numpy as np

    epsilon = np.finfo(np.float64).eps
    bounded = np.clip(predictions, epsilon, 1 - epsilon)
    if bounded.ndim > 1:
        return np.asarray(-np.log(_of_true(target, bounded)))
    return np.asarray(-(target * np.log(bounded) + (1 - target) * np.log1p(-bounded)))


def brier(target: Values, predictions: Values) -> float:
    """The mean squared error of the probabilities. Source: Brier (1950).

    Of several classes half the sum over them, so that two classes give what a yes or no gives.
    """
    return _mean(squared_errors(target, predictions))


def squared_errors(target: Values, predictions: Values) -> Values:
    """The squared error of each row's probability, (n,); of several classes half the sum over them."""
    import numpy as np

    if predictions.ndim > 1:
        true = target[:, None] == np.arange(predictions.shape[1])
        return np.asarray(((predictions - true) ** 2).sum(axis=1) / 2)
    return np.asarray((predictions - target) ** 2)


def accuracy(target: Values, predictions: Values) -> float:
    """The share that is right: a probability of 0.5 or more says yes; of several classes the most probable is said."""
    return _mean(right(target, predictions))


def right(target: Values, predictions: Values) -> Values:
    """1 for each row that is right and 0 for each that is not, (n,)."""
    import numpy as np

    if predictions.ndim > 1:
        return np.asarray(predictions.argmax(axis=1) == target, dtype=np.float64)
    return np.asarray((predictions >= _THRESHOLD) == (target == 1), dtype=np.float64)


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else math.nan


def precision(target: Values, predictions: Values, *, average: Average = "macro") -> float | Values:
    """The share of what was said that is right; 0 where a class is never said."""
    return _decided(lambda hits, said, _: hits / said if said else 0.0, target, predictions, average)


def recall(target: Values, predictions: Values, *, average: Average = "macro") -> float | Values:
    """The share of what is true that was said; NaN where a class does not occur."""
    return _decided(lambda hits, _, there: hits / there if there else math.nan, target, predictions, average)


def f1(target: Values, predictions: Values, *, average: Average = "macro") -> float | Values:
    """The harmonic mean of precision and recall; NaN where a class neither occurs nor is said."""
    return _decided(lambda hits, said, there: 2 * hits / (said + there) if said + there else math.nan, target, predictions, average)


def _of_true(target: Values, predictions: Values) -> Values:
    """What was said of the class that is true, (n,); a code beyond the classes was given nothing."""
    import numpy as np

    known = target < predictions.shape[1]
    codes = np.where(known, target, 0).astype(np.int64)
    return np.where(known, predictions[np.arange(len(target)), codes], np.finfo(np.float64).eps)


def _decided(score: Callable[[float, float, float], float], target: Values, predictions: Values, average: Average) -> float | Values:
    """A score of counts (right, said, true): of the yes, or of each class."""
    if predictions.ndim > 1:
        import numpy as np

        said = predictions.argmax(axis=1)
        return _averaged(
            lambda true, told: _counted(score, true == 1, told == 1), target, _one_hot(said, np.shape(predictions)[1]), average
        )
    return _counted(score, target == 1, predictions >= _THRESHOLD)


def _counted(score: Callable[[float, float, float], float], true: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return float(score(float((true & said).sum()), float(said.sum()), float(true.sum())))


def _one_hot(codes: NDArray[np.int64], classes: int) -> Values:
    import numpy as np

    return np.asarray(codes[:, None] == np.arange(classes), dtype=np.float64)


def _averaged(score: Callable[[Values, Values], float], target: Values, predictions: Values, average: Average) -> float | Values:
    """Each class against the rest, (c,); their mean, or their mean by how often each is true.

    A class for which the score is not defined is NaN, and so is their mean: a class that is left out would hide behind the others.
    Weighted, one that never occurs counts nothing.
    """
    import numpy as np

    each = np.array([score((target == k).astype(np.float64), predictions[:, k]) for k in range(predictions.shape[1])])
    if average == "each":
        return each
    if average == "macro":
        return float(each.mean()) if len(each) else math.nan
    counts = np.array([(target == k).sum() for k in range(predictions.shape[1])], dtype=np.float64)
    there = counts > 0
    return float(np.average(each[there], weights=counts[there])) if there.any() else math.nan


def _both(name: str, better: Literal["higher", "lower"], greatest: float, *, averages: bool = False, each: str | None = None) -> Metric:
    rows = None if each is None else f"{__name__}:{each}"
    return Metric(name, f"{__name__}:{name}", better, range=(0.0, greatest), tasks=("binary", "multiclass"), averages=averages, each=rows)


METRICS = (
    _both("roc_auc", "higher", 1.0, averages=True),
    _both("average_precision", "higher", 1.0, averages=True),
    _both("accuracy", "higher", 1.0, each="right"),
    _both("precision", "higher", 1.0, averages=True),
    _both("recall", "higher", 1.0, averages=True),
    _both("f1", "higher", 1.0, averages=True),
    _both("log_loss", "lower", math.inf, each="log_losses"),
    _both("brier", "lower", 1.0, each="squared_errors"),
)
