"""A condition compares each quantity with a value of its own kind: a length of time has a unit, and a count has none."""

from __future__ import annotations

from typing import Literal

from headrace.diagnostics import Diagnostic, Span
from headrace.spec.expression import Compare

Kind = Literal["truth", "duration", "count", "share", "number"]
"""What a quantity of a condition is."""
_CALLED: dict[Kind, tuple[str, str]] = {
    "duration": ("a length of time", "14d"),
    "count": ("a count", "2"),
    "share": ("a share", "5%"),
    "number": ("a number without a unit", "0.2"),
}
"""What each that is compared is called, and a value of it."""


def other_kind(leaf: Compare, kind: Kind, place: Span) -> Diagnostic | None:
    """The fault that a quantity is compared with a value of another kind."""
    number, unit, timed = f"{leaf.quantity.number:g}", leaf.quantity.unit, leaf.quantity.unit not in ("", "%")
    said = f"{leaf.name} {leaf.operator}"
    if kind == "duration" and not unit:
        message = f"`{leaf.name}` is a length of time, and `{number}` has no unit"
        return Diagnostic("missing-unit", message, place, help=f"write `{said} {number}d` for days, or `{number}h` for hours")
    if kind == "truth" or (timed is (kind == "duration") and not (kind in ("duration", "count") and unit == "%")):
        return None
    called, usual = _CALLED[kind]
    message = f"`{leaf.name}` is {called}, and is compared with `{leaf.quantity}`"
    help_ = f"write `{said} {number}`" if kind == "count" and timed else f"write for example `{said} {usual}`"
    return Diagnostic("bad-condition", message, place, help=help_)
