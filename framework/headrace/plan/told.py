"""Two values of a field as a person reads them: whole where they are short, and otherwise what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

ENDINGS = {"s": "ses", "y": "ies"}
"""How a word goes on where there are several; any other takes an `s`."""
LONG = 48
"""A value of more characters is not shown whole."""
AROUND = 10
"""How many characters on either side of a difference are shown."""


def counted(number: int, word: str) -> str:
    """`1 step`, `2 steps`."""
    many = f"{word[:-1]}{ENDINGS[word[-1]]}" if word[-1] in ENDINGS else f"{word}s"
    return f"{number:,} {word if number == 1 else many}"


def values(old: Any, new: Any) -> str:  # noqa: ANN401 - JSON
    """`0.05 → 0.1`; of long values, only the part that differs, with its surroundings; of long lists, what came and what went."""
    if old is None and new is None:
        return ""
    before, after = _text(old), _text(new)
    if len(before) <= LONG and len(after) <= LONG:
        return f"{before} → {after}"
    if isinstance(old, list) and isinstance(new, list) and (told := _items(old, new)) is not None:
        return told
    if old is None or new is None:
        return f"{_cut(before)} → {_cut(after)}"
    start = _same(before, after)
    end = _same(before[start:][::-1], after[start:][::-1])
    return f"{_part(before, start, end)} → {_part(after, start, end)}"


def _same(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        value = {key: item for key, item in value.items() if item is not None}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _part(text: str, start: int, end: int) -> str:
    """What lies between a common beginning and a common end of `end` characters, with a little of both."""
    low, high = max(0, start - AROUND), min(len(text), len(text) - end + AROUND)
    low, high = (0 if low <= 1 else low), (len(text) if high >= len(text) - 1 else high)
    middle = text[low:high]
    if len(middle) > LONG:
        middle = f"{middle[: LONG // 2]}…{middle[-LONG // 2 + 1 :]}"
    return f"{'…' if low else ''}{middle}{'…' if high < len(text) else ''}"


def _items(old: list[Any], new: list[Any]) -> str | None:
    """`+sex -age (of 14)`; None where that says too much or nothing."""
    came = [_text(item) for item in new if item not in old]
    went = [_text(item) for item in old if item not in new]
    told = f"{' '.join([*(f'+{item}' for item in came), *(f'-{item}' for item in went)])} (of {len(new)})"
    return told if (came or went) and len(told) <= 2 * LONG else None
