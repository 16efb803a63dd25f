"""How differently a model treats groups, when a probability of 0.5 or more says yes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_THRESHOLD = 0.5


def _spread(rates: list[float]) -> float:
    """The greatest difference of two rates; NaN where one is not defined, or nothing is to be compared."""
    return max(rates) - min(rates) if len(rates) > 1 and not any(math.isnan(rate) for rate in rates) else math.nan


def _rate(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if len(chosen) else math.nan


def demographic_parity_difference(target: Values, predictions: Values, groups: NDArray[np.object_]) -> float:  # noqa: ARG001 - the contract
    """The greatest difference between two groups' shares of yes, whatever is true."""
    import numpy as np

    yes = predictions >= _THRESHOLD
    return _spread([_rate(yes[groups == group]) for group in np.unique(groups)])


def equalized_odds_difference(target: Values, predictions: Values, groups: NDArray[np.object_]) -> float:
    """The greater of two differences between groups: of true-positive rates, and of false-positive rates.

    NaN where a group has no positive or no negative. Source: Hardt, Price, Srebro (2016).
    """
    import numpy as np

    yes = predictions >= _THRESHOLD
    names = np.unique(groups)
    spreads = [_spread([_rate(yes[(groups == group) & (target == answer)]) for group in names]) for answer in (1, 0)]
    return math.nan if any(math.isnan(spread) for spread in spreads) else max(spreads)


METRICS = (
    Metric("demographic_parity_difference", f"{__name__}:demographic_parity_difference", "lower", needs="groups", range=(0.0, 1.0)),
    Metric("equalized_odds_difference", f"{__name__}:equalized_odds_difference", "lower", needs="groups", range=(0.0, 1.0)),
)
