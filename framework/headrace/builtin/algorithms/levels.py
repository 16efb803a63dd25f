"""The levels of quantiles, as a parameter."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _ascending(levels: tuple[float, ...]) -> tuple[float, ...]:
    if list(levels) != sorted(set(levels)):
        raise ValueError("the levels must rise, each once: write for example `[0.1, 0.5, 0.9]`")
    return levels


Levels = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=99), AfterValidator(_ascending)]
"""At least one level, ascending, each above 0 and below 1."""
