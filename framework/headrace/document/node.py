"""What a document is made of: scalars, sequences and mappings, each with its place."""

from __future__ import annotations

from functools import cached_property
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


class _Entries(NamedTuple):
    entries: tuple[Entry, ...]
    span: Span


class Mapping(_Entries):
    """Keys and values in the order of the file; no key stands twice."""

    def get(self, key: str) -> Entry | None:
        """The entry under a key."""
        entries = self.entries
        if len(entries) <= _FEW:
            return next((entry for entry in entries if entry.key == key), None)
        return self._by_key.get(key)

    @cached_property
    def _by_key(self) -> dict[str, Entry]:
        """Made once: a mapping of a hundred thousand keys is asked for each of its faults."""
        return {entry.key: entry for entry in reversed(self.entries)}


_FEW = 8
"""Entries that are looked through as fast as a table of them is made."""


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
