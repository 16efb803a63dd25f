"""What a condition or an expression of SQL, Python or JavaScript is in the one grammar, where it can be said in it."""

from __future__ import annotations

import re
from typing import get_args

from headrace.spec.expression.arithmetic import parse_arithmetic
from headrace.spec.expression.parser import INSTEAD, ExpressionError, parse
from headrace.spec.expression.token import Token, tokens
from headrace.spec.expression.tree import Operator

_JOINING = ("and", "or", "not")
_NOTHING = ("null", "none", "nan", "undefined", "na")
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_HOLDS = ""
"""In the place of what says only that a value is there: such a part holds wherever the others can."""


def mend(error: ExpressionError, text: str, *, texts: bool = False) -> str | None:
    """What to write for a condition that cannot be read; None where only its writer knows."""
    whole = rewritten(text, texts=texts)
    if error.instead is not None:
        alone = f"{text[: error.start]}{error.instead}{text[error.end :]}"
        return error.instead if whole is None or _same(alone, whole, texts=texts) else whole
    return whole


def _same(one: str, other: str, *, texts: bool) -> bool:
    try:
        return parse(one, texts=texts) == parse(other, texts=texts)
    except ExpressionError:
        return False


def rewritten(text: str, *, texts: bool = False) -> str | None:
    """A whole condition in the grammar, such as `a == 'X' or a == 'Y'` for `a IN ('X', 'Y')`; None where it cannot be said in it."""
    left, found = tokens(_FOR.sub("", _MEAN.sub(r"\1", text)))[:-1], []
    while left:
        part, used = _part(left)
        if part is None:
            return None
        found.append(part)
        left = left[used:]
    joined = _joined(found)
    try:
        parse(joined, texts=texts)
    except ExpressionError:
        return None
    return joined if joined != text else None


_MEAN = re.compile(r"\b(?:avg|mean|lower|upper|trim|any)\(\s*([\w.]+)\s*\)", re.IGNORECASE)
"""What says of a window's value, or of a text, what it is already."""
_FOR = re.compile(r"\s+for\s+\w+\s*$", re.IGNORECASE)


def _part(left: list[Token]) -> tuple[str | None, int]:  # noqa: PLR0911 - one line a habit
    """The first part of what is left, as the grammar has it, and how many words it took; None where it has none."""
    words = [token.text.lower() for token in left[:4]] + [""] * 4
    first = left[0]
    if first.kind != "name" or words[0] in _JOINING:
        flipped = _flipped(left)
        return (flipped, 3) if flipped is not None else (INSTEAD.get(first.text, words[0] if first.kind == "name" else first.text), 1)
    denied = int(words[1] == "not")
    if words[1] == "is" and words[2] == "not" and words[3] in _NOTHING:
        return _HOLDS, 4
    if words[1] in ("is", "==", "=", "===") and words[2] in _NOTHING:
        return None, 0
    if words[1] in ("!=", "<>", "!==") and words[2] in _NOTHING:
        return _HOLDS, 3
    if words[1 + denied] == "in" and words[2 + denied] == "(":
        return _among(first.text, left[3 + denied :], 3 + denied, denied=bool(denied))
    if words[1 + denied] == "between" and len(left) >= 5 + denied and left[3 + denied].text.lower() == "and":
        low, high = left[2 + denied].text, left[4 + denied].text
        said = f"({first.text} < {low} or {first.text} > {high})" if denied else f"{first.text} >= {low} and {first.text} <= {high}"
        return said, 5 + denied
    sign = INSTEAD.get(words[1], words[1])
    if sign in ("==", "!=") and words[2] in ("true", "false"):
        return first.text if (sign == "==") is (words[2] == "true") else f"not {first.text}", 3
    if sign in ("==", "!=") and len(left) > 2 and left[2].kind == "name":  # noqa: PLR2004 - a whole comparison
        return f"{first.text} {sign} '{left[2].text}'", 3
    return first.text, 1


def _flipped(left: list[Token]) -> str | None:
    """`0 < amount` as `amount > 0`."""
    kinds = [token.kind for token in left[:3]]
    if kinds != ["number", "operator", "name"]:
        return None
    sign = INSTEAD.get(left[1].text, left[1].text)
    return f"{left[2].text} {_FLIPPED.get(sign, sign)} {left[0].text}" if sign in get_args(Operator) else None


def _among(name: str, left: list[Token], before: int, *, denied: bool) -> tuple[str | None, int]:
    """A list of values as a comparison with each."""
    values: list[str] = []
    for position, token in enumerate(left):
        if token.text == ")":
            sign, word = ("!=", "and") if denied else ("==", "or")
            said = f" {word} ".join(f"{name} {sign} {value}" for value in values)
            return (f"({said})" if len(values) > 1 else said or None), before + position + 1
        if token.kind in ("text", "number"):
            values.append(token.text)
        elif token.text != ",":
            break
    return None, 0


def _joined(parts: list[str]) -> str:
    """Parts in one text, without those that say nothing and the words that joined them."""
    left: list[str] = []
    for part in parts:
        if part == _HOLDS and left and left[-1] == "and":
            left.pop()
        elif part == "and" and (not left or left[-1] in (_HOLDS, "(")):
            left = left[:-1] if left and left[-1] == _HOLDS else left
        elif part == _HOLDS and left and left[-1] in ("or", "not"):
            return ""
        else:
            left.append(part)
    text = " ".join(left).replace("( ", "(").replace(" )", ")").strip()
    inner = text[1:-1]
    return inner if text.startswith("(") and text.endswith(")") and not {"(", ")"} & set(inner) else text


_SAFE = re.compile(r"\b(?:nullif|coalesce|ifnull|nvl|fillna)\(\s*([^(),]+?)\s*,\s*[^(),]+\)", re.IGNORECASE)
_CAST = re.compile(r"\b(?:float|int|double)\(\s*([^(),]+?)\s*\)|\bcast\(\s*([^(),]+?)\s+as\s+\w+\s*\)", re.IGNORECASE)
_DIVIDE = re.compile(r"\b(?:safe_divide|divide|div0)\(\s*([^(),]+?)\s*,\s*([^(),]+?)\s*\)", re.IGNORECASE)
_POWER = re.compile(r"(\w+)\s*(?:\*\*|\^)\s*([23])\b|\bpow(?:er)?\(\s*(\w+)\s*,\s*([23])\s*\)", re.IGNORECASE)


def arithmetic(text: str) -> str | None:
    """An expression in the grammar, such as `a / b` for `a / nullif(b, 0)`; None where it cannot be said in it."""
    found = _SAFE.sub(r"\1", text)
    found = _CAST.sub(lambda match: match[1] or match[2], found)
    found = _DIVIDE.sub(r"\1 / \2", found)
    found = _POWER.sub(lambda match: " * ".join([match[1] or match[3]] * int(match[2] or match[4])), found)
    try:
        parse_arithmetic(found)
    except ExpressionError:
        return None
    return found if found != text else None
