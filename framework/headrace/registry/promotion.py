"""A promotion as a value, and what may look at it before it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session


class Way(StrEnum):
    """How a version comes to production."""

    PROMOTED = "promoted"
    """By its rollout, or by hand."""
    ROLLED_BACK = "rolled back"
    """It was there before, and is put back."""
    MOVED = "moved"
    """The alias `champion` was set: by a mirror, or put back where it was changed outside."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What is about to happen: `number` takes the place of `was` (None: of nobody)."""

    model: str
    number: int
    was: int | None
    way: Way
    at: datetime
    reason: str


Check = Callable[[Session, Promotion], None]
"""Looks at a promotion within its transaction, before anything is written of it; refuses by raising HeadraceError."""
