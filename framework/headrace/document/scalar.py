"""Which plain scalars are numbers, booleans or nothing: YAML 1.2's core rules, narrowed; all else is text."""

from __future__ import annotations

import re

INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,398}|0x[0-9a-fA-F]{1,398}")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
NULL = frozenset(word for word, value in _WORDS.items() if value is None)
LEAST, GREATEST = -(2**63), 2**63 - 1
"""The whole numbers of 64 bits; `parse` refuses all others."""
_LONGEST = 400


def value(text: str) -> str | int | float | bool | None:
    """A plain scalar's value: `012` is 12, `1e-3` a float; `no`, `1_000`, `22:30` and dates are text."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST or text[0] not in "+-.0123456789":
        return text
    if INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1) if text[-1] in "fFnN" else text)
    return text
