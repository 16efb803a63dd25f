"""How long a prediction takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def latency_p99(seconds: NDArray[np.float64]) -> float:
    """The 99th percentile in seconds: one that was measured, never one between two; NaN where none was."""
    import numpy as np

    if not len(seconds):
        return math.nan
    return float(np.quantile(seconds, 0.99, method="higher"))


METRICS = (Metric("latency_p99", f"{__name__}:latency_p99", "lower", needs="latency", range=(0.0, math.inf)),)
