"""Requests that nobody means well by, each of which a server's schema lets through: the candidate must have an answer to every one.

What the schema refuses is refused with 4xx before a model sees it. What it lets through is any finite number, any text without NUL, and
nothing at all; a model that raises on such a value, or gives what is no answer, is a 5xx.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headrace.hooks import Signature
from headrace.hooks.values import LONGEST_TEXT, Input

if TYPE_CHECKING:
    import numpy as np

_NUMBERS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    5e-324,
    -5e-324,
    1e-300,
    1e38,
    -1e38,
    3.5e38,
    1e308,
    -1e308,
    sys.float_info.max,
    -sys.float_info.max,
    2.0**63,
)
_TEXTS = (
    "",
    " ",
    "NaN",
    "null",
    "\ufeff",
    "\u202e\u200b",
    "\U0001f9e8" * 40,
    "é" * 200,
    "A" * 256,
    "'; DROP TABLE verdict; --",
    "../../../../etc/passwd",
    "{{7*7}}${jndi:ldap://x}",
    "\r\nX-Injected: 1",
    "0x7fffffffffffffff",
)
_LONG = "word " * (LONGEST_TEXT // 5)


def hostile(signature: Signature, requests: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """So many requests: each odd value of each input alone first, nothing at all, then random ones of all kinds."""
    usual = {item.name: _usual(item) for item in signature.inputs}
    made = 0
    for request in _alone(signature, usual):
        if made < requests:
            made += 1
            yield request
    for _ in range(requests - made):
        yield {item.name: _any(item, rng) for item in signature.inputs}


def _alone(signature: Signature, usual: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield dict.fromkeys(usual)
    for values in zip(*([None, *_odd(item)] * 2 for item in signature.inputs), strict=False):
        yield dict(zip(usual, values, strict=True))
    for item in signature.inputs:
        for value in (None, *_odd(item)):
            yield {**usual, item.name: value}


def _odd(item: Input) -> tuple[Any, ...]:
    return _NUMBERS if item.type == "number" else (*_TEXTS, _LONG) if item.type == "text" else _TEXTS


def _usual(item: Input) -> Any:  # noqa: ANN401 - a cell
    if item.type == "number":
        return item.low if item.low is not None else 0.0
    return item.categories[0] if item.categories else ""


def _any(item: Input, rng: np.random.Generator) -> Any:  # noqa: ANN401 - a cell
    if rng.random() < 0.1:  # noqa: PLR2004 - a tenth is missing
        return None
    if item.type == "number":
        # Of every order of magnitude, since that is where arithmetic ends.
        return float(rng.choice((-1.0, 1.0)) * 10.0 ** rng.uniform(-308, 308))
    if item.categories and rng.random() < 0.5:  # noqa: PLR2004 - half are known
        return str(rng.choice(item.categories))
    return "".join(chr(code) for code in rng.integers(1, 0xD7FF, int(rng.integers(0, 256))))
