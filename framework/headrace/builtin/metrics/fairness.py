"""How differently a model treats groups, when a probability of 0.5 or more says yes; where defined, equal to fairlearn's figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from headrace.hooks import Metric
from headrace.stats import groups as by_group

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Groups = NDArray[np.object_]


def demographic_parity_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greatest difference between two groups' shares of yes, whatever is true."""
    return _of("demographic_parity_difference", target, predictions, groups)


def demographic_parity_ratio(target: Values, predictions: Values, groups: Groups) -> float:
    """The least share of yes by the greatest; NaN where nobody is told yes."""
    return _of("demographic_parity_ratio", target, predictions, groups)


def equal_opportunity_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greatest difference between groups' true-positive rates; NaN where a group has no positive. Source: Hardt et al. (2016)."""
    return _of("equal_opportunity_difference", target, predictions, groups)


def equalized_odds_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greater of two differences between groups: of true-positive rates, and of false-positive rates.

    NaN where a group has no positive or no negative. Source: Hardt, Price, Srebro (2016).
    """
    return _of("equalized_odds_difference", target, predictions, groups)


def equalized_odds_ratio(target: Values, predictions: Values, groups: Groups) -> float:
    """The lesser of two ratios between groups: of true-positive rates, and of false-positive rates; NaN where one is not defined."""
    return _of("equalized_odds_ratio", target, predictions, groups)


def group_calibration_difference(target: Values, predictions: Values, groups: Groups) -> float:
    """The greatest difference between two groups of what is said on average less what happened."""
    import numpy as np

    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - a difference needs two
        return math.nan
    off = np.bincount(codes, weights=predictions - target) / np.bincount(codes)
    return float(np.ptp(off))


def _of(name: str, target: Values, predictions: Values, groups: Groups) -> float:
    """NaN where there are no two groups to compare."""
    import numpy as np

    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - a difference needs two
        return math.nan
    return float(by_group.MEASURES[name](by_group.cells(target, predictions, codes, len(names))))


def _metric(name: str, better: Literal["higher", "lower"] = "lower", greatest: float = 1.0, *, partial: bool = False) -> Metric:
    return Metric(name, f"{__name__}:{name}", better, needs="groups", range=(0.0, greatest), partial=partial)


METRICS = (
    _metric("demographic_parity_difference"),
    _metric("demographic_parity_ratio", "higher"),
    _metric("equal_opportunity_difference"),
    _metric("equalized_odds_difference"),
    _metric("equalized_odds_ratio", "higher", partial=True),  # of no false alarm at all there is no ratio
    _metric("group_calibration_difference", greatest=2.0),
)
