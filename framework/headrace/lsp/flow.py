"""Collections in `{}` and `[]`, closed or not, to what is said in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from headrace.address import Path
from headrace.lsp.said import MARK, Said

_TOKEN = re.compile(
    r"""\s+|\#.*|[{}\[\],]|:(?=[\s,\[\]{}]|$)|"[^"]*"?|'[^']*'?|(?:[^\s{}\[\],:]|:(?![\s,\[\]{}]|$)|\s+(?![#\s{}\[\],]))+"""
)
_BLOCK = re.compile(r"\s*(?:-(?:\s|$)|[\w-]+:(?:\s|$))")


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet."""

    bracket: str
    path: Path
    index: int = 0
    key: Said | None = None
    word: _Token | None = None

    @property
    def here(self) -> Path:
        if self.bracket == "[":
            return (*self.path, self.index)
        return self.key.path if self.key is not None else self.path


def read_flow(written: list[str], number: int, column: int, end: int, path: Path) -> tuple[list[Said], int]:
    """All that is said in a collection that begins at a place, and its last line.

    One that is never closed ends where a line looks like a key of the mapping around it, or like the next item of the list.
    """
    found: list[Said] = []
    stack: list[_Open] = []
    indent = len(written[number]) - len(written[number].lstrip())
    for line in range(number, end):
        text = written[line]
        if line > number and len(text) - len(text.lstrip()) <= indent and _BLOCK.match(text):
            _flush(stack, found)
            return found, line - 1
        for match in _TOKEN.finditer(text, column if line == number else 0):
            if not match[0].isspace() and not match[0].startswith("#"):
                _take(_Token(match[0], line, match.start()), stack, found, path)
            if not stack:
                return found, line
    _flush(stack, found)
    return found, end - 1


def _flush(stack: list[_Open], found: list[Said]) -> None:
    while stack:
        _end(stack[-1], found)
        stack.pop()


def _take(token: _Token, stack: list[_Open], found: list[Said], path: Path) -> None:
    top = stack[-1] if stack else None
    if token.text in ("{", "["):
        if top is not None and top.key is not None:
            found.append(top.key)
            here, top.key = top.key.path, None
        else:
            here = top.here if top is not None else path
        stack.append(_Open(token.text, here))
    elif top is None:
        return
    elif token.text in ("}", "]"):
        _end(top, found)
        stack.pop()
    elif token.text == ",":
        _end(top, found)
        top.index += 1
    elif token.text == ":" and top.word is not None and top.bracket == "{":
        word, top.word = top.word, None
        name = word.text.strip("\"'")
        key = (*top.path, name.replace(MARK, ""))
        top.key = replace(
            Said(key, word.line, word.start, word.end, is_key=True, flow=True, marked=MARK in name),
            value_line=token.line,
            value_start=token.end,
            value_end=token.end,
        )
    else:
        top.word = token


def _end(top: _Open, found: list[Said]) -> None:
    """What one place of a collection holds, once it is known to end."""
    word, key, top.word, top.key = top.word, top.key, None, None
    text = word.text.strip("\"'") if word is not None else ""
    if key is not None:
        found.append(key.with_value(text, word.line, word.start, word.end) if word is not None else key)
    elif word is not None and top.bracket == "[":
        item = Said((*top.path, top.index), word.line, word.start, word.start, flow=True)
        found.append(item.with_value(text, word.line, word.start, word.end))
    elif word is not None:
        name = (*top.path, text.replace(MARK, ""))
        found.append(Said(name, word.line, word.start, word.end, marked=MARK in text, bare=True, flow=True))
