"""One entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a diagnostic means; `wrong` and `right` are excerpts of a spec, or empty where none would help."""

    id: str
    title: str
    why: str
    wrong: str = ""
    right: str = ""
