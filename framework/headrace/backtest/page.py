"""A replay's summary as one HTML page that stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

TEMPLATE = "page.html.jinja"
"""The page itself, beside this module."""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def page(summary: Mapping[str, Any]) -> str:
    """Render the page; everything from the summary is escaped."""
    from jinja2 import Environment, StrictUndefined

    windows = summary["windows"]
    known = [value for window in windows for value in (window["performance"], window["estimate"]) if value is not None]
    low, high = (min(known) - 0.01, max(known) + 0.01) if known else (0.0, 1.0)
    step = 840 / max(len(windows) - 1, 1)

    def at(position: int, value: float) -> str:
        return f"{50 + position * step:.1f},{220 - (value - low) / (high - low) * 200:.1f}"

    bands = []
    for incident in summary["incidents"]:
        inside = [i for i, window in enumerate(windows) if incident["id"] in window["incidents"]]
        if inside:
            left = max(50 + inside[0] * step - step / 2, 50)
            bands.append({"name": incident["id"], "x": left, "w": min(50 + inside[-1] * step + step / 2, 890) - left})
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(resources.files("headrace.backtest").joinpath(TEMPLATE).read_text(encoding="utf-8")).render(
        s=summary,
        num=_number,
        facts=[
            ("requests", f"{summary['counts'].get('requests', 0):,}"),
            *((name.replace("_", " "), n) for name, n in summary["happened"].items()),
        ],
        points=" ".join(at(i, w["performance"]) for i, w in enumerate(windows) if w["performance"] is not None),
        estimated=" ".join(at(i, w["estimate"]) for i, w in enumerate(windows) if w["estimate"] is not None),
        ticks=[{"y": 220 - 50 * i, "label": f"{low + (high - low) * i / 4:.3f}"} for i in range(5)],
        labels=[{"x": 50 + i * step, "text": w["end"][:7]} for i, w in enumerate(windows) if i % 2 == 0],
        bands=bands,
    )
