"""What inputs that are made of one are called: its name, and a word of the value that they are of."""

from __future__ import annotations

import re
from collections.abc import Iterable


def named(name: str, values: Iterable[str]) -> list[str]:
    """`NAME_VALUE` for each value, in letters, digits and `_` alone, with a number where one is like one before."""
    found: dict[str, None] = {}
    for value in values:
        plain = re.sub(r"\W+", "_", value, flags=re.ASCII).strip("_")
        word = f"{name}_{plain or 'value'}"
        free, number = word, 2
        while free in found:
            free, number = f"{word}_{number}", number + 1
        found[free] = None
    return list(found)
