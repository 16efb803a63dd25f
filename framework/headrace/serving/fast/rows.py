"""A signature compiled for one row: the numbers of its matrix without asking of each input what it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import call, itemgetter
from typing import Any, assert_never

from headrace.hooks import Input, Signature

Encode = Callable[[Mapping[str, Any]], list[Any]]


def encoder(signature: Signature) -> Encode:
    """What `encode_row` gives of a row in which nothing is unseen; KeyError or TypeError of any other row, for `encode_row` to tell."""
    names = [item.name for item in signature.inputs]
    each = tuple(_value(item) for item in signature.inputs)
    if len(names) == 1:
        (name,), (only,) = names, each
        return lambda row: [only(row[name])]
    picked = itemgetter(*names)
    if all(item.type == "number" for item in signature.inputs):
        return lambda row: list(map(float, picked(row)))
    return lambda row: list(map(call, each, picked(row)))


def _value(item: Input) -> Callable[[Any], Any]:
    match item.type:
        case "number":
            return float  # TypeError of None
        case "category":
            codes: dict[str | None, float] = {category: float(i) for i, category in enumerate(item.categories)}
            if item.missing:
                codes[None] = math.nan
            return codes.__getitem__
        case "text":
            return _text
        case _:
            assert_never(item.type)


def _text(value: Any) -> str:  # noqa: ANN401 - text, or None
    if value is None:
        raise TypeError("it is missing")
    return str(value)
