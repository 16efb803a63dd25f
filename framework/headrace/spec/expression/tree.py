"""What a condition is made of, what it is when values are known, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import eq, ge, gt, le, lt, ne
from types import UnionType
from typing import Any, Literal, assert_never

Operator = Literal[">", ">=", "<", "<=", "==", "!="]
Unit = Literal["", "%", "ms", "s", "m", "h", "d", "w"]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le, "==": eq, "!=": ne}
_OPPOSITE: dict[str, Any] = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
BACKSLASH, QUOTE = "\\", "'"
SECONDS: dict[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""The units of a duration, in seconds."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit as it was written."""

    number: float
    unit: Unit = ""

    @property
    def value(self) -> float:
        """A share for percentages, seconds for durations."""
        return self.number / 100 if self.unit == "%" else self.number * SECONDS.get(self.unit, 1.0)

    def __str__(self) -> str:
        number = repr(self.number)
        return f"{number.removesuffix('.0')}{self.unit}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A name against a quantity."""

    name: str
    operator: Operator
    quantity: Quantity
    start: int = field(default=0, compare=False)
    """Where the name stands in the text, from 0."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A name that is true or false by itself, such as `alert.degraded`."""

    name: str
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Same:
    """A name against a text, such as `department == 'DELI'`; only where a column of text may be read."""

    name: str
    text: str
    equal: bool = True
    """Whether it has to be that text, or another one."""
    start: int = field(default=0, compare=False)
    order: Literal[">", ">=", "<", "<="] | None = None
    """Where texts have an order, such as versions and moments: how it stands to that text, in the place of `equal`."""


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is false."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """True where all parts are."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where one part is."""

    parts: tuple[Expression, ...]


Expression = Compare | Same | Truth | Not | And | Or
"""Any part of a condition."""
Leaf = Compare | Same | Truth
"""A part that reads one name."""
Value = float | bool | str | None
"""What a name may be."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition with the text that it came from; equal where it means the same, however it is written."""

    root: Expression
    text: str = field(compare=False)

    def names(self) -> set[str]:
        """The quantities that it reads."""
        return {leaf.name for leaf in self.leaves()}

    def leaves(self) -> Iterator[Leaf]:
        """The comparisons and bare names, from left to right."""
        return _leaves(self.root)

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        """Whether it holds; None where a value that decides it is missing (Kleene's three values: false and unknown is false)."""
        return _evaluate(self.root, values)

    def __str__(self) -> str:
        return _write(self.root)


def positive(node: Expression) -> Expression:  # noqa: PLR0911 - an arm a node
    """The same without `not`, which goes into the comparisons: of what is unknown nothing becomes known by that.

    A bare name stays under its `not`.
    """
    match node:
        case Not(And(parts)):
            return Or(tuple(positive(Not(part)) for part in parts))
        case Not(Or(parts)):
            return And(tuple(positive(Not(part)) for part in parts))
        case Not(Not(part)):
            return positive(part)
        case Not(Compare() as part):
            return replace(part, operator=_OPPOSITE[part.operator])
        case Not(Same(order=None) as part):
            return replace(part, equal=not part.equal)
        case Not(Same(order=order) as part) if order is not None:
            return replace(part, order=_OPPOSITE[order])
        case And(parts):
            return And(tuple(positive(part) for part in parts))
        case Or(parts):
            return Or(tuple(positive(part) for part in parts))
    return node


def _leaves(node: Expression) -> Iterator[Leaf]:
    match node:
        case Compare() | Same() | Truth():
            yield node
        case Not(part):
            yield from _leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            assert_never(node)


def _evaluate(node: Expression, values: Mapping[str, Value]) -> bool | None:  # noqa: PLR0911 - an arm a node
    match node:
        case Compare(name, operator, quantity):
            value = values.get(name)
            # NaN compares as false with all, and would answer where nothing is known.
            return None if value is None or isinstance(value, str) or value != value else _COMPARE[operator](value, quantity.value)  # noqa: PLR0124
        case Same(name, text, equal):
            value = values.get(name)
            if not isinstance(value, str):
                return None
            return (value == text) is equal if node.order is None else _COMPARE[node.order](value, text)
        case Truth(name):
            value = values.get(name)
            return None if value is None or value != value else bool(value)  # noqa: PLR0124
        case Not(part):
            inner = _evaluate(part, values)
            return None if inner is None else not inner
        case And(parts):
            found = [_evaluate(part, values) for part in parts]
            return False if False in found else None if None in found else True
        case Or(parts):
            found = [_evaluate(part, values) for part in parts]
            return True if True in found else None if None in found else False
        case _:
            assert_never(node)


def _write(node: Expression) -> str:
    match node:
        case Compare(name, operator, quantity):
            return f"{name} {operator} {quantity}"
        case Same(name, text, equal):
            sign = node.order or ("==" if equal else "!=")
            return f"{name} {sign} '{text.replace(BACKSLASH, BACKSLASH * 2).replace(QUOTE, BACKSLASH + QUOTE)}'"
        case Truth(name):
            return name
        case Not(part):
            return f"not {_within(part, And | Or)}"
        case And(parts):
            return " and ".join(_within(part, And | Or) for part in parts)
        case Or(parts):
            return " or ".join(_within(part, Or) for part in parts)
        case _:
            assert_never(node)


def _within(node: Expression, loose: type[And | Or] | UnionType) -> str:
    text = _write(node)
    return f"({text})" if isinstance(node, loose) else text
