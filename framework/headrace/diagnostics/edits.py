"""Changes of text at places: every character outside of them stays, line ends and a mark at the beginning included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from headrace.diagnostics.report import Edit, Span

_BREAK = re.compile(r"\r\n|\r|\n")


@lru_cache(maxsize=4)
def offsets(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *(found.end() for found in _BREAK.finditer(text))]


def range_of(span: Span, starts: list[int]) -> tuple[int, int]:
    """The first character of a place, and the one after its last."""
    return starts[span.line - 1] + span.column - 1, starts[span.end_line - 1] + span.end_column - 1


def newline(text: str) -> str:
    """How a text ends its lines."""
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def apart(changes: Iterable[tuple[Edit, ...]]) -> list[tuple[Edit, ...]]:
    """Those changes, in their order, that touch nothing that one before them touches; a change is taken whole or not at all."""
    taken: list[Edit] = []
    found = []
    for change in changes:
        if not any(_touch(edit.span, other.span) for edit in change for other in taken):
            taken.extend(change)
            found.append(change)
    return found


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that do not touch one another."""
    starts = offsets(text)
    for edit in sorted(edits, key=lambda e: (e.span.line, e.span.column, e.span.end_line, e.span.end_column), reverse=True):
        start, end = range_of(edit.span, starts)
        text = text[:start] + edit.text + text[end:]
    return text


def _touch(one: Span, other: Span) -> bool:
    if one.file != other.file:
        return False
    return (one.line, one.column) <= (other.end_line, other.end_column) and (other.line, other.column) <= (one.end_line, one.end_column)
