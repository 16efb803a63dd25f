"""Population stability index: how much the shares of the bins have moved; 0.1 is by convention a warning, 0.25 critical."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.hooks import Comparison, Detector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def compare(reference: NDArray[np.int64], current: NDArray[np.int64]) -> Comparison:
    """Counts (b,) to the index and the p-value of Pearson's two-sample chi-square; NaN where a side is empty."""
    from headrace.stats.bins import pearson_p, psi

    return Comparison(psi(reference, current), pearson_p(reference, current))


DETECTOR = Detector("psi", f"{__name__}:compare")
