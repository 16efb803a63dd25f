"""How many answers stay when noise is added to the inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_THRESHOLD = 0.5


def noise_robustness(before: Values, after: Values) -> float:
    """The share of rows decided alike: (n,) on the same side of 0.5, or the same class as the most probable of (n, c); NaN of none."""
    if not len(before):
        return math.nan
    if before.ndim > 1:
        return float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    return float(((before >= _THRESHOLD) == (after >= _THRESHOLD)).mean())


METRICS = (
    Metric(
        "noise_robustness",
        f"{__name__}:noise_robustness",
        "higher",
        needs="noise",
        range=(0.0, 1.0),
        tasks=("binary", "multiclass"),
    ),
)
