"""Pictures of a search as SVG: how it went, which parameters matter, how the goal follows each of them, and what goals cost each other."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import combinations
from typing import Any

_WIDTH, _HEIGHT, _EDGE = 640, 280, 56
_INK, _FAINT, _DOT, _BEST = "#222222", "#bbbbbb", "#3b6ea5", "#c0392b"
_TICKS = 3


def pictures(kept: Mapping[str, Any]) -> dict[str, str]:
    """File names with their pictures, of a search as it is kept; the first goal stands for all, but in those of the front."""
    goal = kept["objectives"][0]
    whole = [trial for trial in kept["trials"] if trial["state"] == "complete"]
    drawn = {"history.svg": _history(whole, goal, kept["best"])}
    if kept.get("importance"):
        drawn["importance.svg"] = _importance(kept["importance"])
    for name, words in sorted(kept["space"].items()):
        drawn[f"slice-{name}.svg"] = _slice(whole, goal, kept["best"], name, words)
    goals = range(len(kept["objectives"]))
    for one, other in combinations(goals, 2):
        named = f"-{kept['objectives'][one]['metric']}-{kept['objectives'][other]['metric']}" if len(goals) > 2 else ""  # noqa: PLR2004
        drawn[f"front{named}.svg"] = _front(whole, kept, one, other)
    return drawn


def _front(whole: Sequence[Mapping[str, Any]], kept: Mapping[str, Any], one: int, other: int) -> str:
    """Each complete trial by two goals; those that no other beats are full, of two goals joined by a line."""
    goals = kept["objectives"]
    points = [(float(trial["values"][one]), float(trial["values"][other]), trial["number"] == kept["best"]) for trial in whole]
    on_it = [trial["number"] in kept["front"] for trial in whole]
    line = sorted((x, y) for (x, y, _), full in zip(points, on_it, strict=True) if full) if len(goals) == 2 else []  # noqa: PLR2004
    across, up = (f"{goals[at]['metric']} ({goals[at]['better']} is better)" for at in (one, other))
    return _plot("front", across, up, points, line, full=on_it)


def _history(whole: Sequence[Mapping[str, Any]], goal: Mapping[str, str], best: int) -> str:
    """Each complete trial's value by number, and the best so far as a line."""
    points = [(float(trial["number"]), float(trial["values"][0]), trial["number"] == best) for trial in whole]
    line, so_far = [], math.nan
    for x, y, _ in points:
        better = math.isnan(so_far) or (y > so_far if goal["better"] == "higher" else y < so_far)
        so_far = y if better else so_far
        line.append((x, so_far))
    return _plot("history", "trial", goal["metric"], points, line)


def _slice(whole: Sequence[Mapping[str, Any]], goal: Mapping[str, str], best: int, name: str, words: Mapping[str, Any]) -> str:
    """Each complete trial's value by one parameter; a choice by its position, a range by orders of magnitude where it was searched so."""
    mine = [trial for trial in whole if name in trial["params"]]
    if words["of"] == "Choice":
        texts = [json.dumps(value) for value in words["values"]]
        points = [(float(texts.index(json.dumps(t["params"][name]))), float(t["values"][0]), t["number"] == best) for t in mine]
        return _plot(name, name, goal["metric"], points, [], dict(enumerate(text.strip('"') for text in texts)))
    scale = math.log10 if words["log"] else float
    points = [(scale(t["params"][name]), float(t["values"][0]), t["number"] == best) for t in mine]
    return _plot(name, f"{name} (log)" if words["log"] else name, goal["metric"], points, [], power=bool(words["log"]))


def _importance(found: Mapping[str, float]) -> str:
    """A bar a parameter, the greatest above."""
    bars = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    most = max([value for _, value in bars] + [1e-12])
    parts = []
    for position, (name, value) in enumerate(bars):
        y, width = 30 + position * 28, (_WIDTH - 300) * value / most
        parts.append(_text(150, y + 14, name, "end") + f'<rect x="160" y="{y}" width="{_n(width)}" height="18" fill="{_DOT}"/>')
        parts.append(_text(168 + width, y + 14, f"{value:.3f}"))
    return _svg("importance", "".join(parts), 50 + 28 * len(bars))


def _plot(  # noqa: PLR0917 - what a plot is made of
    title: str,
    across: str,
    up: str,
    points: Sequence[tuple[float, float, bool]],
    line: Sequence[tuple[float, float]],
    names: Mapping[int, str] | None = None,
    *,
    power: bool = False,
    full: Sequence[bool] | None = None,
) -> str:
    xs, ys = [x for x, _, _ in points] or [0.0], [y for _, y, _ in points] or [0.0]
    if names:
        xs = [*xs, 0.0, float(len(names) - 1)]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)

    def at(x: float, y: float) -> tuple[str, str]:
        across_ = (x - left) / (right - left) if right > left else 0.5
        up_ = (y - low) / (high - low) if high > low else 0.5
        return _n(_EDGE + across_ * (_WIDTH - 2 * _EDGE)), _n(_HEIGHT - _EDGE - up_ * (_HEIGHT - 2 * _EDGE))

    parts = [f'<path d="M{_EDGE} {_EDGE / 2}V{_HEIGHT - _EDGE + 8}H{_WIDTH - _EDGE / 2}" fill="none" stroke="{_FAINT}"/>']
    if line:
        parts.append(f'<polyline points="{" ".join(",".join(at(x, y)) for x, y in line)}" fill="none" stroke="{_FAINT}" stroke-width="2"/>')
    for (x, y, best), dense in sorted(zip(points, full or [True] * len(points), strict=True), key=lambda item: item[0][2]):
        cx, cy = at(x, y)
        colour, seen = _BEST if best else _DOT, "0.8" if dense else "0.25"
        parts.append(f'<circle cx="{cx}" cy="{cy}" r="{6 if best else 4}" fill="{colour}" fill-opacity="{seen}"/>')
    marks = {float(x): text for x, text in names.items()} if names else {x: f"{10**x if power else x:.3g}" for x in _ticks(left, right)}
    parts += [_text(float(at(x, low)[0]), _HEIGHT - _EDGE + 24, text, "middle") for x, text in marks.items()]
    parts += [_text(_EDGE - 6, float(at(left, y)[1]) + 4, f"{y:.4g}", "end") for y in _ticks(low, high)]
    parts += [_text(_WIDTH / 2, _HEIGHT - 12, across, "middle"), _text(_EDGE, 18, up)]
    return _svg(title, "".join(parts), _HEIGHT)


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * part / _TICKS for part in range(_TICKS + 1)] if high > low else [low]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="{_INK}">{escape(text[:60])}</text>'


def _svg(title: str, inner: str, height: float) -> str:
    size = f'viewBox="0 0 {_WIDTH} {_n(height)}" width="{_WIDTH}" height="{_n(height)}"'
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style} role="img"><title>{escape(title)}</title>{inner}</svg>\n'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
