"""What a document is made of: scalars, sequences and mappings, each with its place."""

from __future__ import annotations

from typing import NamedTuple

from headrace.diagnostics import Span

REPLACED = "${"
"""The style of a scalar whose expressions were replaced: its value is no longer what stands in the file."""
FROM_SHELL = "${env"
"""The style of one whose whole value came from the environment of the shell: its text is as good as its value."""

UNREADABLE = "${?"
"""The style of one whose expressions could not be replaced, which was said: it has no value, and no fault of its own."""


class Scalar(NamedTuple):
    """One value; `text` is its content as it was written, `style` is empty where it stands without quotes."""

    value: str | int | float | bool | None
    text: str
    span: Span
    style: str = ""


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    span: Span


class Entry(NamedTuple):
    """One key and its value; a key is always text."""

    key: str
    key_span: Span
    value: Node


class Mapping(NamedTuple):
    """Keys and values in the order of the file; no key stands twice."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> Entry | None:
        """The entry under a key."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Sequence | Mapping
"""Any part of a document."""


def inside(node: Scalar, start: int, end: int) -> Span:
    """The place of the characters `start` to `end` of a scalar's value; the whole scalar where escapes or lines lie between."""
    span = node.span
    quotes = 2 if node.style in ("'", '"') else 0
    if (
        node.style in ("|", ">", REPLACED, FROM_SHELL, UNREADABLE)
        or span.line != span.end_line
        or span.end_column - span.column != len(node.text) + quotes
    ):
        return span
    first = span.column + quotes // 2
    return Span(span.file, span.line, first + start, span.line, first + max(end, start + 1))
