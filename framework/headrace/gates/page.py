"""A report of gates as one HTML page that stands alone: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

TEMPLATE = "report.html.jinja"
"""The page itself, beside this module."""


def page(report: Mapping[str, Any]) -> str:
    """Render a report; everything from it is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = resources.files("headrace.gates").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(text).render(r=report, num=_number, share=_share)


def _number(value: Any) -> str:  # noqa: ANN401 - what a verdict holds
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _share(found: Mapping[str, float] | None) -> str:
    """A share with its bounds."""
    return "" if found is None else f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
