"""What stands where in YAML text, broken or not: keys and values by their path, read from indentation and brackets alone.

While somebody types, a file is broken more often than not; the parser of `document` rightly stops there. This reader never does: it
keeps what it understands and passes over the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from headrace.address import Path
from headrace.document.text import lines
from headrace.lsp.flow import read_flow
from headrace.lsp.said import MARK, Said

_KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s#&*!|>%@`{}\[\],"'][^:#]*?)\s*:(?=\s|$|""" + MARK + ")")
_DASH = re.compile(r"-(?:[ \t]+|$)")
_ANCHOR = re.compile(r"&\S+\s+")


@dataclass(slots=True)
class Outline:
    """One document of a file: its lines, counted from 0, the end exclusive, and what is said in it in order."""

    first: int
    end: int
    said: list[Said] = field(default_factory=list)

    def value(self, path: Path) -> str | None:
        """The value at a path, where it is a scalar."""
        return next((item.value for item in self.said if item.path == path and item.value is not None), None)

    def keys(self, path: Path) -> set[str]:
        """The keys that stand directly below a path."""
        return {str(item.path[-1]) for item in self.said if item.is_key and item.path[:-1] == path}


@lru_cache(maxsize=2048)
def outlines(text: str) -> tuple[Outline, ...]:
    """Every document of a file."""
    written = lines(text)
    starts = [number for number, line in enumerate(written) if re.match(r"---(\s|$)", line)]
    edges = [0, *(number + 1 for number in starts)]
    ends = [*starts, len(written)]
    return tuple(_read(written, first, end) for first, end in zip(edges, ends, strict=True))


def at(text: str, line: int, column: int) -> tuple[Outline, Said | None]:
    """The document around a place, and what stands at it; line and column count from 0, in characters."""
    written = lines(text)
    written += [""] * (line + 1 - len(written))
    there = written[line]
    written[line] = f"{there[:column]}{MARK}{there[column:]}"
    for outline in outlines("\n".join(written)):
        if outline.first <= line <= outline.end:
            marked = next((item for item in outline.said if item.marked), None)
            if marked is not None or line < outline.end:
                return outline, marked
    return Outline(line, line + 1), None


@dataclass(slots=True)
class _Level:
    """An open mapping or list of block style."""

    indent: int
    path: Path
    sequence: bool
    index: int = -1
    key: str | None = None

    @property
    def here(self) -> Path:
        part: str | int | None = self.index if self.sequence else self.key
        return self.path if part is None else (*self.path, part)


def _read(written: list[str], first: int, end: int) -> Outline:
    outline = Outline(first, end)
    reader = _Reader(written, end, outline)
    number = first
    while number < end:
        number = reader.line(number)
    return outline


@dataclass(slots=True)
class _Reader:
    written: list[str]
    end: int
    outline: Outline
    stack: list[_Level] = field(default_factory=list)

    def line(self, number: int) -> int:
        """Read one line and what belongs to it; the number of the next."""
        text = self.written[number]
        column = _indent(text)
        if not text[column:] or text[column] == "#":
            return number + 1
        while (dash := _DASH.match(text, column)) is not None:
            level = self._enter(column, sequence=True)
            level.index += 1
            column = dash.end()
            if column >= len(text):
                return number + 1
        key = _KEY.match(text, column)
        if key is None:
            return self._bare(number, column)
        level = self._enter(column, sequence=False)
        name = key[1].strip("\"'")
        level.key = name.replace(MARK, "")
        start = key.end() + _indent(text[key.end() :])
        if (anchor := _ANCHOR.match(text, start)) is not None:
            start = anchor.end()
        return self._value(
            number, start, Said((*level.path, level.key), number, column, column + len(key[1]), is_key=True, marked=MARK in name)
        )

    def _enter(self, column: int, *, sequence: bool) -> _Level:
        """The mapping or list that a line at this column belongs to, opened where it is none yet."""
        while self.stack:
            top = self.stack[-1]
            if top.indent < column or (top.indent == column and (top.sequence == sequence or sequence)):
                break
            self.stack.pop()
        if self.stack and self.stack[-1].indent == column and self.stack[-1].sequence == sequence:
            return self.stack[-1]
        level = _Level(column, self.stack[-1].here if self.stack else (), sequence)
        self.stack.append(level)
        return level

    def _bare(self, number: int, column: int) -> int:
        """Text without a key: an item, a key that is being typed, or the rest of a long text."""
        text = self.written[number]
        level = self._enter(column, sequence=False)
        if text[column] in "{[":
            return self._flow(number, column, level.path)
        value, end = _scalar(text, column)
        path = level.path
        if level.key is None and path and isinstance(path[-1], int):
            self.outline.said.append(_item(path, number, column, end, value))
        else:
            self.outline.said.append(Said((*path, value.replace(MARK, "")), number, column, end, marked=MARK in value, bare=True))
        return number + 1

    def _value(self, number: int, start: int, said: Said) -> int:
        text = self.written[number]
        if text[start : start + 1] in ("{", "["):
            self.outline.said.append(said)
            return self._flow(number, start, said.path)
        if re.match(r"[|>][-+0-9]*\s*(#|$)", text[start:]):
            self.outline.said.append(said)
            return self._block_text(number + 1, said.start)
        value, end = _scalar(text, start)
        self.outline.said.append(said.with_value(value, number, start, end))
        return number + 1

    def _block_text(self, number: int, indent: int) -> int:
        """Past a text of several lines."""
        while number < self.end:
            line = self.written[number]
            if line.strip() and _indent(line) <= indent:
                break
            number += 1
        return number

    def _flow(self, number: int, column: int, path: Path) -> int:
        found, last = read_flow(self.written, number, column, self.end, path)
        self.outline.said += found
        return last + 1


def _indent(text: str) -> int:
    """How far a text is indented."""
    return len(text) - len(text.lstrip(" \t"))


def _scalar(text: str, start: int) -> tuple[str, int]:
    """A value's text without quotes and comment, and where it ends."""
    rest = text[start:]
    quote = rest[:1]
    if quote in ("'", '"'):
        closed = rest.find(quote, 1)
        return (rest[1:closed], start + closed + 1) if closed > 0 else (rest[1:], len(text))
    comment = re.search(r"(?:^|\s)#", rest)
    value = rest[: comment.start()] if comment else rest
    return value.strip(), start + len(value.rstrip())


def _item(path: Path, line: int, start: int, end: int, value: str) -> Said:
    return Said(path, line, start, start).with_value(value, line, start, end)


def top(text: str) -> Iterator[tuple[Outline, str | None, str | None]]:
    """Every document with its kind and its name."""
    for outline in outlines(text):
        if outline.said:
            yield outline, outline.value(("kind",)), outline.value(("name",))
