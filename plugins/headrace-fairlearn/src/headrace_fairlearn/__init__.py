"""Fairlearn's metrics of how differently a model treats groups; not defined where one of the rates is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric, hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Groups = NDArray[np.object_]

__all__ = ["METRICS", "headrace_metrics"]

_THRESHOLD = 0.5
_TWO = 2


def _answered(target: Values, groups: Groups, answers: tuple[float, ...]) -> bool:
    """Whether there are two groups, and every one has rows with each of these answers; Fairlearn takes a rate over no row for 0."""
    import numpy as np

    names = np.unique(groups.astype(str))
    return len(names) >= _TWO and all((target[groups.astype(str) == name] == answer).any() for name in names for answer in answers)


def _asked(name: str, target: Values, predictions: Values, groups: Groups, answers: tuple[float, ...]) -> float:
    if not _answered(target, groups, answers):
        return math.nan
    from fairlearn import metrics

    yes = (predictions >= _THRESHOLD).astype(int)
    return float(getattr(metrics, name)(target.astype(int), yes, sensitive_features=groups.astype(str)))


def demographic_parity_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greatest difference between two groups' shares of yes."""
    return _asked("demographic_parity_difference", target, predictions, groups, ())


def demographic_parity_ratio(target: Values, predictions: Values, groups: Groups) -> float:
    """The smallest share of yes of a group, divided by the greatest."""
    return _asked("demographic_parity_ratio", target, predictions, groups, ())


def equalized_odds_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greater of the differences of true-positive and of false-positive rates."""
    return _asked("equalized_odds_difference", target, predictions, groups, (0.0, 1.0))


def equalized_odds_ratio(target: Values, predictions: Values, groups: Groups) -> float:
    """The smaller of the ratios of true-positive and of false-positive rates."""
    return _asked("equalized_odds_ratio", target, predictions, groups, (0.0, 1.0))


def equal_opportunity_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greatest difference between two groups' true-positive rates."""
    return _asked("equal_opportunity_difference", target, predictions, groups, (1.0,))


def equal_opportunity_ratio(target: Values, predictions: Values, groups: Groups) -> float:
    """The smallest true-positive rate of a group, divided by the greatest."""
    return _asked("equal_opportunity_ratio", target, predictions, groups, (1.0,))


def worst_group_accuracy(target: Values, predictions: Values, groups: Groups) -> float:
    """The accuracy of the group that fares worst; NaN of fewer than two rows."""
    if len(target) < _TWO:
        return math.nan
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    yes = (predictions >= _THRESHOLD).astype(int)
    frame = MetricFrame(metrics=accuracy_score, y_true=target.astype(int), y_pred=yes, sensitive_features=groups.astype(str))
    return float(frame.group_min())


def _difference(name: str) -> Metric:
    return Metric(f"fairlearn.{name}", f"{__name__}:{name}", better="lower", needs="groups", range=(0.0, 1.0))


def _share(name: str) -> Metric:
    return Metric(f"fairlearn.{name}", f"{__name__}:{name}", better="higher", needs="groups", range=(0.0, 1.0))


METRICS = [
    _difference("demographic_parity_difference"),
    _share("demographic_parity_ratio"),
    _difference("equalized_odds_difference"),
    _share("equalized_odds_ratio"),
    _difference("equal_opportunity_difference"),
    _share("equal_opportunity_ratio"),
    _share("worst_group_accuracy"),
]


@hookimpl
def headrace_metrics() -> list[Metric]:
    """The metrics of this plugin."""
    return METRICS
