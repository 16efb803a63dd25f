"""How a value becomes Python text in the formatter's own layout; `lines` is the only way in for what a user wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from headrace.compiler.ir import Call, Value, Variable

WIDTH = 140
"""The longest line."""
INDENT = 4

_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
"""What needs no escape anywhere: printable ASCII without backslash and double quote."""
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Code:
    """Text of the compiler's own, which is never broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Things between brackets, each with what stands before it: on one line if it holds them, one a line otherwise."""

    opening: str
    items: Sequence[tuple[str, Printed]]
    closing: str


Printed = Value | Code | Group
"""What is printed: values, which are quoted where a user wrote them, and the compiler's own words."""


class _Layout(NamedTuple):
    """What stands between brackets: each thing with what stands before it and how it is printed, and all of it on one line."""

    opening: str
    items: list[tuple[str, Printed, str | _Layout]]
    closing: str
    flat: str


def lines(value: Printed, indent: int, before: str = "", after: str = "") -> list[str]:
    """A value as Python source in lines no longer than WIDTH where it can be, `before` and `after` on the first and the last.

    A call's words are the compiler's own, all else is quoted or a number. Raises TypeError for a value of any other type: it can only
    be a fault of ours.
    """
    return _lines(value, _laid(value), indent, before, after)


def _lines(value: Printed, laid: str | _Layout, indent: int, before: str, after: str) -> list[str]:
    margin = " " * indent
    flat = f"{margin}{before}{laid if isinstance(laid, str) else laid.flat}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    if isinstance(laid, str):
        if isinstance(value, str) and value:
            return [f"{margin}{before}(", *_pieces(value, indent + INDENT), f"{margin}){after}"]
        group = _bracketed(value)
        return [flat] if group is None else _lines(value, _layout(group.opening, group.items, group.closing), indent, before, after)
    if not laid.items:
        return [flat]
    if isinstance(value, Mapping):
        entries = zip(sorted(value), laid.items, strict=True)
        inner = [line for key, (word, item, layout) in entries for line in _entry(key, word, item, layout, indent + INDENT)]
    else:
        inner = [line for word, item, layout in laid.items for line in _lines(item, layout, indent + INDENT, word, ",")]
    return [f"{margin}{before}{laid.opening}", *inner, f"{margin}{laid.closing}{after}"]


def _entry(key: str, word: str, value: Printed, laid: str | _Layout, indent: int) -> list[str]:
    """One entry of a mapping; a key that is longer than a line is broken as well."""
    plain = _lines(value, laid, indent, word, ",")
    if len(plain[0]) <= WIDTH or not key:
        return plain
    return [f"{' ' * indent}(", *_pieces(key, indent + INDENT), *_lines(value, laid, indent, "): ", ",")]


def _laid(value: Any) -> str | _Layout:  # noqa: ANN401 - asked by its type
    """A value on one line, or as what stands between its brackets."""
    # By its exact type where there is one: to ask a pattern's classes in turn takes longer than to print.
    kind = type(value)
    printed = _ATOMS.get(kind)
    if printed is not None:
        return printed(value)
    if kind is Call:
        given = [("", item) for item in value.positional] if value.positional else []
        return _layout(f"{value.name}(", given + [(f"{keyword}=", item) for keyword, item in value.keywords], ")")
    if kind is list or kind is tuple:
        return _layout("[", [("", item) for item in value], "]")
    if kind is dict:
        return _layout("{", [(f"{_key(key)}: ", value[key]) for key in sorted(value)], "}")
    if kind is Group:
        return _layout(value.opening, value.items, value.closing)
    return _laid(_known(value))


def _layout(opening: str, items: Iterable[tuple[str, Printed]], closing: str) -> _Layout:
    laid: list[tuple[str, Printed, str | _Layout]] = []
    parts = []
    for word, item in items:
        printed = _ATOMS.get(type(item))
        layout: str | _Layout
        if printed is not None:
            layout = printed(item)
            parts.append(word + layout)
        else:
            layout = _laid(item)
            parts.append(word + (layout if isinstance(layout, str) else layout.flat))
        laid.append((word, item, layout))
    return _Layout(opening, laid, closing, f"{opening}{', '.join(parts)}{closing}")


def _bracketed(value: Printed) -> Group | None:
    """What is printed as a word, and may be broken all the same: a duration, a number that is none."""
    match value:
        case timedelta():
            return Group("timedelta(", [_span(value)], ")")
        case float() if not math.isfinite(value):
            return Group("float(", [("", repr(float(value)))], ")")
        case _:
            return None


def _known(value: object) -> Value:
    """A value of a class made from one of those that stand in code, as that."""
    match value:
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str(value)
        case timedelta():
            return timedelta(value.days, value.seconds, value.microseconds)
        case Mapping():
            return dict(value)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return list(value)
    raise TypeError(f"a {type(value).__name__} cannot stand in generated code")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of type {type(key).__name__} cannot stand in generated code")
    return quote(str(key))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value!r}")'
    return float.__repr__(value).replace("e+", "e")


def _span(value: timedelta) -> tuple[str, Code]:
    unit = next(unit for unit in _UNITS if not value % timedelta(**{unit: 1}) and (value or unit == "seconds"))
    return f"{unit}=", Code(str(value // timedelta(**{unit: 1})))


@lru_cache(maxsize=1000)
def _duration(value: timedelta) -> str:
    unit, number = _span(value)
    return f"timedelta({unit}{number.text})"


def _pieces(value: str, indent: int) -> Iterator[str]:
    """A string in several, each within a line, broken after white space where there is some."""
    if indent + len(quote(value)) <= WIDTH:
        yield f"{' ' * indent}{quote(value)}"
        return
    rest = [escape(character) for character in value]
    room = WIDTH - indent - 2
    while rest:
        taken = _taken(rest, room)
        yield f"{' ' * indent}{_quoted(rest[:taken])}"
        rest = rest[taken:]


def _taken(characters: Sequence[str], room: int) -> int:
    """How many escaped characters go on a line of so many columns, with room for those quotes that need a backslash."""
    width, last, fitting = 0, 0, 0
    for count, character in enumerate(characters, 1):
        width += len(character) + (character in {'"', "'"})
        if width > room:
            return last or max(fitting, 1)
        fitting = count
        if character == " ":
            last = count
    return len(characters)


@lru_cache(maxsize=10_000)
def quote(value: str) -> str:
    """A string literal on one line, with the quotes that the formatter would choose."""
    # The same words stand in every flow, most of them more than once on the way to a line that is short enough.
    return f'"{value}"' if _PLAIN.fullmatch(value) else _quoted([escape(character) for character in value])


_ATOMS: Mapping[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: repr,
    float: _number,
    str: quote,
    timedelta: _duration,
    Variable: lambda value: value.name,
    Code: lambda value: value.text,
}
"""How a value is printed that stands between no brackets, or between short ones."""


def _quoted(characters: Iterable[str]) -> str:
    text = "".join(characters)
    mark = "'" if text.count('"') > text.count("'") else '"'
    return mark + text.replace(mark, f"\\{mark}") + mark


def seconds(value: timedelta) -> int | float:
    """A duration in seconds, whole where it is."""
    exact = value.total_seconds()
    return int(exact) if exact.is_integer() else exact


def readable(character: str) -> bool:
    """Whether a character may stand in generated text as it is: printable ASCII, and Latin letters that look like no other."""
    return " " <= character <= "~" or ("\u00c0" <= character <= "\u017e" and character.isalpha() and character != "\u0131")


def escape(character: str) -> str:
    """One character within quotes, which are left to the caller; nothing that hides, reorders or ends text comes through."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if readable(character) else coded(character)


def coded(character: str) -> str:
    """A character by its number."""
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - where the short form ends


@lru_cache(maxsize=10_000)
def sentence(text: str, room: int) -> str:
    """A user's text as part of a one-line docstring, in at most `room` columns (at least 3): on one line, whatever it held."""
    words = re.sub(r"\s+", " ", text).strip()
    if len(words) <= room and _PLAIN.fullmatch(words):
        return words
    out: list[str] = []
    for character in words:
        # A backslash is coded as well: the linter allows no other escape in a docstring. Two quotes never stand together.
        plain = readable(character) and character != "\\" and not (character == '"' and out and out[-1] == '"')
        out.append(character if plain else coded(character))
    if sum(map(len, out)) <= room:
        return "".join(out)
    while sum(map(len, out)) > room - 3:
        out.pop()
    return "".join(out).rstrip(" .") + "..."
