"""What a project adds to the language: the names of its documents, and the words that plugins register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Word:
    """One registered name, as an editor tells it."""

    name: str
    told: str = ""
    """What it is, in Markdown."""
    params: type[BaseModel] | None = None
    """The parameters that it takes, where it takes any."""
    beside: Mapping[str, bool] = field(default_factory=dict)
    """Keys of the section that names it which it goes by (True), or which have no place beside it (False)."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names and words in scope; an absent kind or axis is one of which nothing is known, so that any name may be right."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of documents by kind."""
    words: Mapping[str, Mapping[str, Word]] = field(default_factory=dict)
    """Registered words by axis (`algorithms`, `metrics`, …), then by name."""
