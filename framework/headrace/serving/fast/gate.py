"""Whether a faster way to answer answers alike: rows as a request may carry them, drawn and stored, asked both ways."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from headrace.hooks import Input, Signature
from headrace.serving.snapshot import Answered

ROWS = 48
"""How many rows are drawn, beside those that lack an input or hold an extreme."""
PROBED = 64
"""How many of the rows that a version was judged by are tried beside them."""
TOLERANCE = 1e-12
"""How far answers may be apart that are not to be the same bits; of a larger number than 1, its share."""
_FAR = 1e12
"""As far as a number without bounds is drawn at its ends."""


def samples(signature: Signature) -> list[dict[str, Any]]:
    """Rows of all kinds, the same ones for the same inputs: usual, each input missing, none there at all, unseen, extreme."""
    draw = random.Random(7)

    def usual() -> dict[str, Any]:
        return {item.name: _drawn(item, draw) for item in signature.inputs}

    rows = [usual() for _ in range(ROWS)]
    for item in signature.inputs:
        rows += [usual() | {item.name: value} for value in (None, *_ends(item))]
    rows.append(dict.fromkeys((item.name for item in signature.inputs), None))
    rows.append({})
    return rows


def _drawn(item: Input, draw: random.Random) -> float | str | None:
    match item.type:
        case "number":
            low, high = (-1e3 if item.low is None else item.low), (1e3 if item.high is None else item.high)
            return draw.choice((draw.uniform(low, high), float(round(draw.uniform(low, high))) if high - low > 1 else low))
        case "category":
            return draw.choice(item.categories) if item.categories else None
        case "text":
            return " ".join(draw.choices(("a", "red", "house", "", "42", "ü"), k=5))
        case _:
            assert_never(item.type)


def _ends(item: Input) -> Iterator[float | str]:
    match item.type:
        case "number":
            low, high = (-_FAR if item.low is None else item.low), (_FAR if item.high is None else item.high)
            yield from {low, high, *(value for value in (0.0, 1e-300) if low <= value <= high)}
        case "category":
            yield "\ufffd no category that training saw"
        case "text":
            yield ""
        case _:
            assert_never(item.type)


def difference(
    rows: Sequence[Mapping[str, Any]],
    plain: Callable[[Sequence[Mapping[str, Any]]], list[Answered]],
    fast: Callable[[Sequence[Mapping[str, Any]]], list[Answered]],
    *,
    exact: bool,
) -> str | None:
    """Where two ways to answer differ, and by how much; None where they do not."""
    for number, (one, other) in enumerate(zip(plain(rows), fast(rows), strict=True)):
        if (one.error is None) != (other.error is None):
            return f"sample {number}: {one.error or 'an answer'}, and {other.error or 'an answer'}"
        if one.error is not None:
            continue
        if one.unseen != other.unseen:
            return f"sample {number}: {one.unseen} are unseen, and {other.unseen}"
        for a, b in zip(_numbers(one), _numbers(other), strict=True):
            if a != b and (exact or not math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)):
                return f"sample {number}: {a!r}, and {b!r}"
    return None


def _numbers(told: Answered) -> list[float]:
    return [math.nan if told.output is None else told.output, *(told.answer or {}).values()]
