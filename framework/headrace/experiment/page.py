"""A report of an experiment as one HTML page that stands alone: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from headrace.experiment import picture

TEMPLATE = "report.html.jinja"
"""The page itself, beside this module."""


def page(report: Mapping[str, Any]) -> str:
    """Render a report; everything from it is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = resources.files("headrace.experiment").joinpath(TEMPLATE).read_text(encoding="utf-8")
    shown = dict.fromkeys((one["metric"], one["arm"]) for moment in report["series"] for one in moment["intervals"])
    # The pictures escape what they are made of.
    pictures = [
        *((f"{metric}: {arm} less champion", Markup(picture.over_time(report["series"], metric, arm))) for metric, arm in shown),  # noqa: S704
        ("All metrics now", Markup(picture.now(report["comparisons"]))),  # noqa: S704
    ]
    return environment.from_string(text).render(r=report, num=number, bounds=bounds, pictures=pictures)


def number(value: float | None) -> str:
    """As a table shows it."""
    return "" if value is None else f"{value:.4g}"


def bounds(one: Mapping[str, Any]) -> str:
    """An interval; a side that nothing bounds is infinite."""
    if one["low"] is None and one["high"] is None:
        return ""
    low, high = ("-inf" if one["low"] is None else f"{one['low']:+.4g}"), ("inf" if one["high"] is None else f"{one['high']:+.4g}")
    return f"{low} to {high}"
