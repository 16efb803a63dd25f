"""Names, texts, conditions and arithmetic as SQL; a user's value enters a query here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from headrace.spec.expression import And, Arithmetic, Compare, Expression, Named, Not, Or, Same, Truth
from headrace.spec.expression.arithmetic import Binary, Negative, Number

_OPERATORS = {"==": "=", "!=": "<>"}


def name(text: str) -> str:
    """An identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(value: str | float) -> str:
    """A text or a number."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else f"CAST({literal(repr(value))} AS DOUBLE)"


def condition(node: Expression, of: str) -> str:
    """A condition over the columns of `of`: true, false, or unknown where a value that decides it is missing."""
    match node:
        case Compare(column, operator, quantity):
            return f"{of}.{name(column)} {_OPERATORS.get(operator, operator)} {literal(quantity.value)}"
        case Same(column, text, equal):
            return f"{of}.{name(column)} {'=' if equal else '<>'} {literal(text)}"
        case Truth(column):
            return f"{of}.{name(column)} <> 0"
        case Not(part):
            return f"NOT ({condition(part, of)})"
        case And(parts):
            return " AND ".join(f"({condition(part, of)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({condition(part, of)})" for part in parts)
        case _:
            assert_never(node)


def arithmetic(node: Arithmetic, value: Callable[[str], str]) -> str:
    """Arithmetic whose names are what `value` says; nothing, where something is missing or divided by nothing."""
    match node:
        case Number(number):
            return f"CAST({literal(float(number))} AS DOUBLE)"
        case Named(of):
            return value(of)
        case Negative(part):
            return f"(- {arithmetic(part, value)})"
        case Binary("/", left, right):
            return f"({arithmetic(left, value)} / NULLIF({arithmetic(right, value)}, 0))"
        case Binary(sign, left, right):
            return f"({arithmetic(left, value)} {sign} {arithmetic(right, value)})"
        case _:
            assert_never(node)
