"""Whether counts in a reference's bins have moved: enough to matter, and more than chance would.

A feature has drifted if its q-value (Benjamini and Hochberg over the window's features) is at most 0.01 *and* its effect is at
least the warning: over many rows everything is significant, over few rows every effect is large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.hooks import Comparison
from headrace.monitoring.values import Drift

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

SIGNIFICANT = 0.01
"""The false-discovery rate among a window's features."""
EXPECTED = 5
"""So many rows a bin, on average, are needed on either side; fewer are insufficient data, never `ok`."""
PREDICTION = "prediction"
"""The name under which the model's answers stand among its features."""


def judge(
    compare: Callable[[Counts, Counts], Comparison], reference: Mapping[str, Counts], current: Mapping[str, Counts | str], settings: Drift
) -> dict[str, Any]:
    """Counts by feature, (b,) each, to a window's `drift`; for a feature that could not be counted, `current` says why.

    {method, warning, critical_from, features: {name: {effect, p, q, n, status}}, share, max, critical, judged}; status is ok,
    warning, critical, insufficient_data, or failed with a reason. `share` is of the features that could be judged, the answers
    among them; `max` is the largest effect that is significant (0 where none is); `critical` counts the critical ones. All three
    are None where nothing could be judged.
    """
    from headrace.stats.multiplicity import benjamini_hochberg

    features: dict[str, dict[str, Any]] = {}
    for name in reference:
        if name == PREDICTION or settings.features == "all" or name in settings.features:
            features[name] = _compare(compare, reference[name], current[name])
    judged = [name for name, item in features.items() if item["p"] is not None]
    for name, q in zip(judged, benjamini_hochberg([features[name]["p"] for name in judged]), strict=True):
        features[name]["q"] = q
        features[name]["status"] = _status(features[name]["effect"], q, settings)
    drifted = [name for name in judged if features[name]["status"] != "ok"]
    significant = [features[name]["effect"] for name in judged if features[name]["q"] <= SIGNIFICANT]
    return {
        "method": settings.method,
        "warning": settings.warning,
        "critical_from": settings.critical,
        "features": features,
        "judged": len(judged),
        "share": len(drifted) / len(judged) if judged else None,
        "max": max(significant, default=0.0) if judged else None,
        "critical": sum(features[name]["status"] == "critical" for name in judged) if judged else None,
    }


def drifted(drift: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The features of a window's `drift` that have drifted, the strongest first."""
    found = [{"feature": name, **item} for name, item in drift["features"].items() if item["status"] in ("warning", "critical")]
    return sorted(found, key=lambda item: (-item["effect"], item["feature"]))


def failed(drift: Mapping[str, Any]) -> dict[str, str]:
    """The features of a window's `drift` that could not be judged for a fault, and why."""
    return {name: item["reason"] for name, item in drift["features"].items() if item["status"] == "failed"}


def _compare(compare: Callable[[Counts, Counts], Comparison], reference: Counts, current: Counts | str) -> dict[str, Any]:
    if isinstance(current, str):
        return {"effect": None, "p": None, "q": None, "n": 0, "status": "failed", "reason": current}
    n, bins = int(current.sum()), int(((reference > 0) | (current > 0)).sum())
    nothing: dict[str, Any] = {"effect": None, "p": None, "q": None, "n": n, "status": "insufficient_data"}
    if min(n, int(reference.sum())) < EXPECTED * bins or n == 0:
        return nothing
    try:
        found = compare(reference, current)
    except Exception as error:  # noqa: BLE001 - a plugin's detector may raise anything; the feature says it
        return nothing | {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
    if not (math.isfinite(found.effect) and math.isfinite(found.p_value)):
        return nothing
    return nothing | {"effect": float(found.effect), "p": float(found.p_value)}


def _status(effect: float, q: float, settings: Drift) -> str:
    if q > SIGNIFICANT or effect < settings.warning:
        return "ok"
    return "critical" if effect >= settings.critical else "warning"
