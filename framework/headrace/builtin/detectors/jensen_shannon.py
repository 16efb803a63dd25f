"""Jensen-Shannon distance of the shares of the bins: between 0 (the same) and 1 (nothing in common)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Comparison, Detector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def compare(reference: NDArray[np.int64], current: NDArray[np.int64]) -> Comparison:
    """Counts (b,) to the distance (base 2) and the p-value of Pearson's two-sample chi-square; NaN where a side is empty.

    Source: Lin (1991), "Divergence measures based on the Shannon entropy"; the distance is its square root.
    """
    from scipy.spatial.distance import jensenshannon

    from headrace.stats.bins import pearson_p

    if reference.sum() == 0 or current.sum() == 0:
        return Comparison(math.nan, math.nan)
    return Comparison(float(jensenshannon(reference, current, base=2)), pearson_p(reference, current))


DETECTOR = Detector("jensen_shannon", f"{__name__}:compare")
