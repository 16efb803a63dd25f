"""How a value becomes Python text in the formatter's own layout; `literal` is the only way in for what a user wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from headrace.compiler.ir import Call, Value, Variable

WIDTH = 140
"""The longest line."""
INDENT = 4

_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
"""What needs no escape anywhere: printable ASCII without backslash and double quote."""
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


# Not frozen: a project of a thousand models makes half a million of these, and nothing changes one that is made.
@dataclass(slots=True)
class Atom:
    """Text that is never broken: a number, a word of the compiler."""

    flat: str
    """On one line, as in the others."""


@dataclass(slots=True)
class Text:
    """A string, which may be broken into several when it is longer than a line."""

    value: str
    flat: str = field(init=False)

    def __post_init__(self) -> None:
        self.flat = quote(self.value)


@dataclass(slots=True)
class Item:
    """One thing between brackets, with what stands before it: nothing, a keyword, or a key."""

    node: Node
    keyword: str = ""
    key: Text | None = None

    @property
    def flat(self) -> str:
        """On one line."""
        return f"{self.key.flat}: {self.keyword}{self.node.flat}" if self.key is not None else self.keyword + self.node.flat


@dataclass(slots=True)
class Group:
    """Things between brackets: on one line if it holds them, one a line otherwise."""

    opening: str
    items: tuple[Item, ...]
    closing: str
    flat: str = field(init=False)

    def __post_init__(self) -> None:
        self.flat = f"{self.opening}{', '.join([item.flat for item in self.items])}{self.closing}"


Node = Atom | Text | Group
"""Python text that has not been given its lines yet."""


def literal(value: Value) -> Node:
    """A value as Python source; a call's words are the compiler's own, all else is quoted or a number.

    Raises TypeError for a value of any other type: it can only be a fault of ours.
    """
    # By its exact type where there is one: to ask a pattern's classes in turn takes longer than to print.
    printed = _PRINTED.get(type(value))
    return printed(value) if printed is not None else _derived(value)


def _derived(value: Value) -> Node:
    """A value of a class made from one of those that stand in code."""
    match value:
        case int():
            return _int(value)
        case float():
            return _number(value)
        case str():
            return Text(str(value))
        case timedelta():
            return _duration(value)
        case Mapping():
            return _mapping(value)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return _list(value)
    raise TypeError(f"a {type(value).__name__} cannot stand in generated code")


def _constant(value: bool | None) -> Node:  # noqa: FBT001 - a literal
    return Atom(repr(value))


def _int(value: int) -> Node:
    return Atom(int.__repr__(value))


def _variable(value: Variable) -> Node:
    return Atom(value.name)


def _call(value: Call) -> Node:
    given = [Item(literal(item)) for item in value.positional]
    return Group(f"{value.name}(", (*given, *[Item(literal(item), f"{keyword}=") for keyword, item in value.keywords]), ")")


def _mapping(value: Mapping[str, Value]) -> Node:
    return Group("{", tuple([Item(literal(value[key]), key=_key(key)) for key in sorted(value)]), "}")


def _list(value: Sequence[Value]) -> Node:
    return Group("[", tuple([Item(literal(item)) for item in value]), "]")


def _key(key: object) -> Text:
    if not isinstance(key, str):
        raise TypeError(f"a key of type {type(key).__name__} cannot stand in generated code")
    return Text(str(key))


def _number(value: float) -> Node:
    if not math.isfinite(value):
        return Group("float(", (Item(Text(repr(value))),), ")")
    return Atom(float.__repr__(value).replace("e+", "e"))


def _duration(value: timedelta) -> Node:
    unit = next(unit for unit in _UNITS if not value % timedelta(**{unit: 1}) and (value or unit == "seconds"))
    return Group("timedelta(", (Item(Atom(str(value // timedelta(**{unit: 1}))), keyword=f"{unit}="),), ")")


_PRINTED: Mapping[type, Callable[[Any], Node]] = {
    type(None): _constant,
    bool: _constant,
    int: _int,
    float: _number,
    str: Text,
    timedelta: _duration,
    Variable: _variable,
    Call: _call,
    dict: _mapping,
    list: _list,
    tuple: _list,
}


def lines(node: Node, indent: int, before: str = "", after: str = "") -> list[str]:
    """The node in lines no longer than WIDTH where it can be, `before` and `after` on the first and the last."""
    margin = " " * indent
    flat = f"{margin}{before}{node.flat}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    match node:
        case Group() if node.items:
            inner = [line for item in node.items for line in _item(item, indent + INDENT)]
            return [f"{margin}{before}{node.opening}", *inner, f"{margin}{node.closing}{after}"]
        case Text() if node.value:
            return [f"{margin}{before}(", *_pieces(node.value, indent + INDENT), f"{margin}){after}"]
        case _:
            return [flat]


def _item(item: Item, indent: int) -> list[str]:
    if item.key is None:
        return lines(item.node, indent, item.keyword, ",")
    plain = lines(item.node, indent, f"{quote(item.key.value)}: ", ",")
    if len(plain[0]) <= WIDTH or not item.key.value:
        return plain
    margin = " " * indent
    return [f"{margin}(", *_pieces(item.key.value, indent + INDENT), *lines(item.node, indent, "): ", ",")]


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
