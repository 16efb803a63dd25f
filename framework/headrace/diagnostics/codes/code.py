"""One entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a diagnostic means.

    A fault of the specs has `wrong` and `right`, excerpts of a spec, or neither where none would help; a fault of what runs has `help`,
    which says what to type or to do.
    """

    id: str
    title: str
    why: str
    wrong: str = ""
    right: str = ""
    help: str = ""
