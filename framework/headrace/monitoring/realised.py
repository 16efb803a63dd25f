"""Performance once the answers are known: a metric over a window's predictions and what turned out to be true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.hooks import Answers, Metric
from headrace.hooks.answers import BINARY, by_class
from headrace.hooks.asking import asking
from headrace.monitoring.values import Performance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Said = tuple[int, float | Mapping[str, float], float | str | None]
"""The version that answered, its answer, and what turned out to be true; None where that is not known."""
COVERED = 0.95
"""With so much of a window's answers known, the rest is not waited for."""


def measure(metric: Metric, rows: Sequence[Said], settings: Performance, of: Mapping[int, Answers]) -> dict[str, Any]:
    """A window's `performance`: {metric, status, value, n, coverage, reason, versions: {version: {value, n, status, reason}}}.

    `of` says what each version answers; one that it does not name is binary. `status` is ok, insufficient_data (fewer known answers than
    `min_labels`) or failed (the metric has no value for them, such as AUC of one class); `value` is None but for ok. Where versions of
    several tasks answered, the newest one's rows are the window's.
    """
    known = [row for row in rows if row[2] is not None]
    whole = _of_one_task(known, of)
    versions = sorted({version for version, _, _ in known})
    return {
        "metric": settings.metric,
        "coverage": len(known) / len(rows) if rows else 0.0,
        **_value(metric, whole, settings, of),
        "versions": {str(version): _value(metric, [row for row in known if row[0] == version], settings, of) for version in versions},
    }


def _of_one_task(known: Sequence[Said], of: Mapping[int, Answers]) -> list[Said]:
    """The rows that can be judged together: answers to the question that the newest version answers."""
    if not known:
        return []
    newest = of.get(max(version for version, _, _ in known), BINARY)
    alike = {number for number, answers in of.items() if answers.task == newest.task and answers.quantiles == newest.quantiles}
    return [row for row in known if row[0] in alike or (row[0] not in of and newest.task == "binary")]


def _value(metric: Metric, rows: Sequence[Said], settings: Performance, of: Mapping[int, Answers]) -> dict[str, Any]:
    found: dict[str, Any] = {"value": None, "n": len(rows), "status": "ok", "reason": None}
    if len(rows) < settings.min_labels:
        return found | {"status": "insufficient_data", "reason": f"{len(rows)} answers are known, and {settings.min_labels} are needed"}
    answers = of.get(rows[-1][0], BINARY) if rows else BINARY
    if answers.task not in metric.of:
        return found | {"status": "failed", "reason": f"{settings.metric} is no metric of the task {answers.task}"}
    try:
        given = by_class([row[1:] for row in rows]) if answers.task == "multiclass" else (answers, *_numbers(rows, answers))
        value = float(asking(metric, given[0], settings.average)(*given[1:]))
    except Exception as error:  # noqa: BLE001 - a plugin's metric may raise anything; the window says it
        return found | {"status": "failed", "reason": f"{settings.metric} failed: {type(error).__name__}: {error}"}
    if not math.isfinite(value):
        return found | {"status": "failed", "reason": f"{settings.metric} has no value for these answers"}
    return found | {"value": value}


def _numbers(rows: Sequence[Said], answers: Answers) -> tuple[Values, Values]:
    """Outcomes (n,), and answers (n,) or (n, q)."""
    import numpy as np

    outcomes = np.array([outcome for _, _, outcome in rows], dtype=np.float64)
    keys = answers.keys
    said = [[answer[key] for key in keys] if isinstance(answer, Mapping) else answer for _, answer, _ in rows]
    return outcomes, np.array(said, dtype=np.float64)
