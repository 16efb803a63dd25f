"""The words of a condition, each with its column."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?P<unit>%|[A-Za-z]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)"
    r"|(?P<text>'(?:[^'\\\n]|\\['\\])*'|\"(?:[^\"\\\n]|\\[\"\\])*\")"
    r"|(?P<operator>>=|<=|==|!=|=>|=<|&&|\|\||<>|[><=!&|])"
    r"|(?P<bracket>[()])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: its kind (`number`, `name`, `text`, `operator`, `bracket`, `end`, `unknown`), text, columns from 0, the end exclusive."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """All words of a text, then one of kind `end`; a character that begins none is of kind `unknown`."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            found.append(Token("unknown", text[position], position, position + 1))
            position += 1
            continue
        kind = next(k for k in ("number", "name", "text", "operator", "bracket") if match[k] is not None)
        found.append(Token(kind, match[0], match.start(), match.end()))
        position = match.end()
    found.append(Token("end", "", len(text), len(text)))
    return found
