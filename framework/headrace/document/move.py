"""One entry of a mapping moved to another by a change of text: comments, quotes and line ends stay, or nothing is moved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from headrace.diagnostics import Edit, Span
from headrace.diagnostics.edits import newline, offsets, range_of
from headrace.document.node import Entry, Mapping, Node, Scalar, Sequence

_SHARED = re.compile(r"(?:^|[\s\[{,])[&*]\w", re.MULTILINE)
_SPECIAL = re.compile(r"[,\[\]{}]|: ")


def move(text: str, source: Mapping, entry: Entry, target: Mapping) -> tuple[Edit, ...]:
    """The change that takes an entry out of one mapping and puts it at the end of another; empty where that is not surely the same.

    Refused are files with anchors, blocks of text, an entry on the line of its list's dash, one with a comment of its own above it,
    the only entry of a block, and one whose comment has no room where it would go.
    """
    file = _File(text, offsets(text))
    if _shared(text) or _has_block_text(entry.value) or _has_block_text(target) or source is target:
        return ()
    taken = file.from_flow(source, entry) if file.is_flow(source) else file.from_block(source, entry)
    if taken is None:
        return ()
    removed, moved = taken
    put = file.to_flow(target, moved, entry) if file.is_flow(target) else file.to_block(target, moved)
    return (removed, put) if put is not None else ()


@lru_cache(maxsize=4)
def _shared(text: str) -> bool:
    """Whether a file may have anchors; asked for each key that stands in the wrong place."""
    return _SHARED.search(text) is not None


def _has_block_text(node: Node) -> bool:
    match node:
        case Scalar(style=style):
            return style in ("|", ">")
        case Sequence(items):
            return any(map(_has_block_text, items))
        case Mapping(entries):
            return any(_has_block_text(entry.value) for entry in entries)


def _end(entry: Entry) -> tuple[int, int]:
    span = entry.value.span
    return max((span.end_line, span.end_column), (entry.key_span.end_line, entry.key_span.end_column))


@dataclass(frozen=True, slots=True)
class _File:
    text: str
    starts: list[int]

    def line(self, number: int) -> str:
        """A line without its end; empty beyond the text."""
        if number > len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")

    def is_flow(self, node: Mapping) -> bool:
        return self.text.startswith("{", range_of(node.span, self.starts)[0])

    def from_block(self, source: Mapping, entry: Entry) -> tuple[Edit, list[str]] | None:
        """The removal of whole lines, and those lines without the indentation of their first."""
        first, (last, column) = entry.key_span.line, _end(entry)
        indent = self.line(first)[: entry.key_span.column - 1]
        rest = self.line(last)[column - 1 :].lstrip()
        above = self.line(first - 1) if first > 1 else ""
        if indent.strip() or (rest and not rest.startswith("#")) or above.startswith(f"{indent}#") or len(source.entries) == 1:
            return None
        lines = [self.line(number) for number in range(first, last + 1)]
        if any(line.strip() and not line.startswith(indent) for line in lines):
            return None
        file = entry.key_span.file
        if last < len(self.starts):
            return Edit(Span(file, first, 1, last + 1, 1), ""), [line[len(indent) :] for line in lines]
        before = Span(file, first - 1, len(above) + 1, last, len(self.line(last)) + 1)
        return (Edit(before, ""), [line[len(indent) :] for line in lines]) if first > 1 else None

    def from_flow(self, source: Mapping, entry: Entry) -> tuple[Edit, list[str]] | None:
        """The removal of one entry with its comma, and its text."""
        key, (last, column) = entry.key_span, _end(entry)
        if key.line != last or not (source.span.line, source.span.column) <= (key.line, key.column):
            return None
        line = self.line(last)
        start, end = key.column, column
        after, before = re.match(r"\s*,[ ]*", line[end - 1 :]), re.search(r",\s*$", line[: start - 1])
        if after and not line[end - 1 + after.end() :].startswith("#"):
            end += after.end()
        elif before:
            start = before.start() + 1
        elif len(source.entries) > 1:
            return None
        return Edit(Span(key.file, last, start, last, end), ""), [line[key.column - 1 : column - 1]]

    def to_block(self, target: Mapping, moved: list[str]) -> Edit | None:
        """Whole lines below the last of the target's, as far in as its first key."""
        head, last = target.entries[0].key_span if target.entries else target.span, target.span.end_line
        if not target.entries:
            return None
        indent = " " * (head.column - 1)
        lines = [f"{indent}{line}" if line else line for line in moved]
        end = newline(self.text)
        if last < len(self.starts):
            return Edit(Span(head.file, last + 1, 1, last + 1, 1), "".join(line + end for line in lines))
        column = len(self.line(last)) + 1
        return Edit(Span(head.file, last, column, last, column), "".join(end + line for line in lines))

    def to_flow(self, target: Mapping, moved: list[str], entry: Entry) -> Edit | None:
        """Behind the last entry within the braces."""
        plain = isinstance(entry.value, Scalar) and not entry.value.style
        line = moved[0]
        if (
            len(moved) > 1
            or re.search(r"(?:^|\s)#", line)
            or (plain and isinstance(entry.value, Scalar) and _SPECIAL.search(entry.value.text))
        ):
            return None
        if isinstance(entry.value, Mapping | Sequence) and not re.search(r"[\]}]\s*$", line):
            return None
        file = target.span.file
        if not target.entries:
            return Edit(Span(file, target.span.line, target.span.column + 1, target.span.line, target.span.column + 1), line.rstrip())
        last, column = max(map(_end, target.entries))
        return Edit(Span(file, last, column, last, column), f", {line.rstrip()}")
