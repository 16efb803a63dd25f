"""How answers are fitted to be probabilities, on rows that the model was not fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.transforms import Calibration, logit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WEAK = 1e6
"""The inverse strength of a penalty that is none."""


def calibration(method: Literal["isotonic", "sigmoid"], answers: NDArray[np.float64], target: NDArray[np.float64]) -> Calibration:
    """Fit on (m,) answers and their truths of 0 and 1; HeadraceError `one-class` where these are all the same."""
    import numpy as np

    if len(np.unique(target)) == 1:
        message = f"all {len(target):,} rows to calibrate by have one answer"
        raise HeadraceError(Diagnostic("one-class", message, help="raise `share` of `calibrate`"))
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        line = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(answers, target)
        return Calibration("isotonic", tuple(map(float, line.X_thresholds_)), tuple(map(float, line.y_thresholds_)))
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    with threadpool_limits(limits=1):
        curve = LogisticRegression(C=_WEAK).fit(logit(answers).reshape(-1, 1), target)
    return Calibration("sigmoid", (float(curve.intercept_[0]), float(curve.coef_[0, 0])))
