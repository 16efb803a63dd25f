"""Performance once the answers are known: a metric over a window's predictions and what turned out to be true."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from headrace.monitoring.values import Performance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

COVERED = 0.95
"""With so much of a window's answers known, the rest is not waited for."""


def measure(
    compute: Callable[[Values, Values], float],
    rows: Sequence[tuple[int, float, float | None]],
    settings: Performance,
) -> dict[str, Any]:
    """A window's `performance`: {metric, status, value, n, coverage, reason, versions: {version: {value, n, status, reason}}}.

    `rows` is (version, prediction, answer or None where it is not known). `status` is ok, insufficient_data (fewer known answers than
    `min_labels`) or failed (the metric has no value for them, such as AUC of one class); `value` is None but for ok.
    """
    import numpy as np

    known = [(version, prediction, answer) for version, prediction, answer in rows if answer is not None]
    versions = np.array([version for version, _, _ in known])
    predictions = np.array([prediction for _, prediction, _ in known], dtype=np.float64)
    answers = np.array([answer for _, _, answer in known], dtype=np.float64)
    return {
        "metric": settings.metric,
        "coverage": len(known) / len(rows) if rows else 0.0,
        **_value(compute, answers, predictions, settings),
        "versions": {
            str(version): _value(compute, answers[versions == version], predictions[versions == version], settings)
            for version in sorted({row[0] for row in known})
        },
    }


def _value(compute: Callable[[Values, Values], float], answers: Values, predictions: Values, settings: Performance) -> dict[str, Any]:
    found: dict[str, Any] = {"value": None, "n": len(answers), "status": "ok", "reason": None}
    if len(answers) < settings.min_labels:
        return found | {"status": "insufficient_data", "reason": f"{len(answers)} answers are known, and {settings.min_labels} are needed"}
    try:
        value = float(compute(answers, predictions))
    except Exception as error:  # noqa: BLE001 - a plugin's metric may raise anything; the window says it
        return found | {"status": "failed", "reason": f"{settings.metric} failed: {type(error).__name__}: {error}"}
    if not math.isfinite(value):
        return found | {"status": "failed", "reason": f"{settings.metric} has no value for these answers"}
    return found | {"value": value}
