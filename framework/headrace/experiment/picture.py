"""Pictures of an experiment as SVG: how the intervals went, and each metric's interval now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT, _EDGE, _LINE = 640, 220, 60, 26
_INK, _FAINT, _DOT, _BAND = "#222222", "#bbbbbb", "#3b6ea5", "#c9d8e8"
_COLOURS = {"better": "#17692f", "within": "#17692f", "worse": "#a3200d"}


def over_time(series: Sequence[Mapping[str, Any]], metric: str, arm: str) -> str:
    """The interval of one primary metric of one arm at each moment that is told of, with the line of no difference."""
    points = [
        (place, one)
        for place, moment in enumerate(series)
        for one in moment["intervals"]
        if (one["metric"], one["arm"]) == (metric, arm) and one["difference"] is not None
    ]
    bounds = [bound for _, one in points for bound in (one["low"], one["high"], one["difference"]) if bound is not None]
    low, high = float(min([*bounds, 0.0])), float(max([*bounds, 0.0]))
    room = (high - low) or 1.0

    def x(place: int) -> float:
        return _EDGE + (_WIDTH - 2 * _EDGE) * place / max(1, len(series) - 1)

    def y(value: float) -> float:
        return _HEIGHT - 30 - (_HEIGHT - 60) * (value - low) / room

    parts = [f'<line x1="{_EDGE}" y1="{_n(y(0))}" x2="{_WIDTH - _EDGE}" y2="{_n(y(0))}" stroke="{_FAINT}"/>']
    for place, one in points:
        if one["low"] is not None and one["high"] is not None:
            top, bottom = y(one["high"]), y(one["low"])
            parts.append(
                f'<line x1="{_n(x(place))}" y1="{_n(top)}" x2="{_n(x(place))}" y2="{_n(bottom)}" stroke="{_BAND}" stroke-width="8"/>'
            )
        parts.append(f'<circle cx="{_n(x(place))}" cy="{_n(y(one["difference"]))}" r="3" fill="{_DOT}"/>')
    parts += [_text(_EDGE - 6, y(value) + 4, f"{value:.3g}", "end") for value in dict.fromkeys((low, 0.0, high))]
    parts += [_text(x(place), _HEIGHT - 8, series[place]["at"][5:10], "middle") for place in dict.fromkeys((0, len(series) - 1))]
    return _svg(f"{metric}: {arm} less champion", "".join(parts), _HEIGHT)


def now(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Every interval that is known, as a share of the champion's value: one line a metric, arm and segment."""
    lines = [(one, _relative(one)) for one in comparisons if one["champion"] and one["difference"] is not None]
    far = max([abs(value) for _, values in lines for value in values if value is not None] + [1e-9])

    def x(value: float) -> float:
        return 420 + 190 * value / far

    parts = [f'<line x1="420" y1="20" x2="420" y2="{24 + _LINE * len(lines)}" stroke="{_FAINT}"/>']
    for place, (one, (difference, low, high)) in enumerate(lines):
        y = 36 + _LINE * place
        colour = _COLOURS.get(one["finding"], _DOT)
        name = " ".join(filter(None, (one["metric"], one["arm"], one["segment"])))
        parts.append(_text(218, y + 4, name, "end"))
        left, right = x(-far if low is None else low), x(far if high is None else high)
        parts.append(f'<line x1="{_n(left)}" y1="{y}" x2="{_n(right)}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<circle cx="{_n(x(difference or 0.0))}" cy="{y}" r="4" fill="{colour}"/>')
    parts += [_text(x(value), 14, f"{value:+.1%}", "middle") for value in (-far, far)]
    return _svg("each metric, as a share of the champion's value", "".join(parts), 40 + _LINE * len(lines))


def _relative(one: Mapping[str, Any]) -> tuple[float | None, ...]:
    base = abs(float(one["champion"]))
    return tuple(None if one[key] is None else float(one[key]) / base for key in ("difference", "low", "high"))


def _svg(title: str, body: str, height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">'
    return f'{head}<title>{escape(title)}</title><g font-family="sans-serif" font-size="12" fill="{_INK}">{body}</g></svg>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}"
