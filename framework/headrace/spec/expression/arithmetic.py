"""Arithmetic over named values: `+`, `-`, `*`, `/` and parentheses; never Python's eval."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NoReturn, assert_never, cast

from headrace.spec.expression.parser import DEEPEST, LONGEST, ExpressionError

Sign = Literal["+", "-", "*", "/"]

_TOKEN = re.compile(r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/()]))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands."""

    value: float


@dataclass(frozen=True, slots=True)
class Named:
    """A value by its name."""

    name: str
    start: int = field(default=0, compare=False)
    """Where the name stands in the text, from 0."""


@dataclass(frozen=True, slots=True)
class Negative:
    """A value with the other sign."""

    part: Arithmetic


@dataclass(frozen=True, slots=True)
class Binary:
    """Two values and what is done with them."""

    sign: Sign
    left: Arithmetic
    right: Arithmetic


Arithmetic = Number | Named | Negative | Binary
"""Any part of an expression."""


def parse_arithmetic(text: str) -> Arithmetic:
    """An expression such as `spend_28d / (trips_7d + 1)`; ExpressionError otherwise."""
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters", LONGEST, len(text))
    parser = _Parser(text)
    found = parser.sum(0)
    if parser.sign(")"):
        parser.fail("this `)` was never opened", parser.last)
    if parser.position < len(text.rstrip()):
        parser.stopped()
    return found


def names(node: Arithmetic) -> Iterator[Named]:
    """The names that it reads, from left to right."""
    match node:
        case Named():
            yield node
        case Number():
            pass
        case Negative(part):
            yield from names(part)
        case Binary(_, left, right):
            yield from names(left)
            yield from names(right)
        case _:
            assert_never(node)


@dataclass(slots=True)
class _Parser:
    text: str
    position: int = 0
    last: int = 0
    """Where the newest word began."""

    def fail(self, message: str, start: int | None = None, instead: str | None = None) -> NoReturn:
        text, at = self.text, self.position if start is None else start
        while start is None and at < len(text) and text[at].isspace():
            at += 1
        raise ExpressionError(message, at, at + 1, instead)

    def stopped(self) -> NoReturn:
        """What stands where a sign should: mostly of another language."""
        word = re.match(r"\s*(\w+|\S)", self.text[self.position :])
        found, called = (word[1] if word is not None else ""), re.search(r"(\w+)$", self.text[: self.position])
        if found == "(" and called is not None:
            self.fail(f"there are no functions: `{called[1]}` cannot be called", called.start(1))
        if found.lower() in ("if", "case", "when", "else", "and", "or"):
            self.fail(f"there is no `{found}`: an expression is arithmetic alone")
        self.fail("one of `+`, `-`, `*`, `/` is missing here")

    def take(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            left = self.text[self.position :].strip()
            self.fail(f"`{left[0]}` has no place in an expression" if left else "a name or a number is missing at the end")
        kind = match.lastgroup or ""
        self.last, self.position = match.start(kind), match.end()
        return kind, match[kind]

    def sign(self, *wanted: str) -> str | None:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match["sign"] not in wanted:
            return None
        self.last, self.position = match.start("sign"), match.end()
        return match["sign"]

    def sum(self, depth: int) -> Arithmetic:
        found = self.product(depth)
        while (sign := self.sign("+", "-")) is not None:
            found = Binary(cast("Sign", sign), found, self.product(depth))
        return found

    def product(self, depth: int) -> Arithmetic:
        found = self.atom(depth)
        while (sign := self.sign("*", "/")) is not None:
            found = Binary(cast("Sign", sign), found, self.atom(depth))
        return found

    def atom(self, depth: int) -> Arithmetic:
        if depth > DEEPEST:
            self.fail(f"an expression nests at most {DEEPEST} levels deep")
        kind, word = self.take()
        match kind, word:
            case "number", _:
                return Number(float(word))
            case "name", _:
                return Named(word, self.last)
            case _, "-":
                return Negative(self.atom(depth + 1))
            case _, "(":
                opened = self.last
                inner = self.sum(depth + 1)
                if self.sign(")") is None:
                    self.fail("this `(` is never closed", opened)
                return inner
            case _:
                pass
        if word == "*" and self.text[: self.last].rstrip().endswith("*"):
            self.fail("there are no powers: `**` is a product of the same", self.last - 1)
        return self.fail(f"a name or a number is missing before `{word}`", self.last)
