"""Text to a condition by recursive descent: `or` binds loosest, then `and`, `not`, comparison."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn, cast, get_args

from headrace.spec.expression.token import Token, tokens
from headrace.spec.expression.tree import And, Compare, Condition, Expression, Not, Operator, Or, Quantity, Same, Truth, Unit

DEEPEST = 50
"""How deep parentheses and `not` may nest."""
LONGEST = 1000
"""Characters of the longest condition."""

INSTEAD = {"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}
"""Operators of other languages."""
_OTHER = {
    **dict.fromkeys(("is", "isnull", "notnull", "exists"), "a condition cannot ask whether a value is missing"),
    "in": "there is no `in`: a value is compared with one at a time",
    "between": "there is no `between`: a value is compared with one bound at a time",
    **dict.fromkeys(
        ("like", "ilike", "regexp", "rlike", "contains", "matches", "similar"), "a text is compared as a whole, by `==` or `!=`"
    ),
    "if": "there is no `if`",
    "then": "there is no `then`",
    "case": "there is no `case`",
    "for": "how long a condition must hold does not stand within it",
}
"""Words of other languages, and what is otherwise here."""
_WORDS = ("and", "or", "not")
_NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(.*)")


class ExpressionError(ValueError):
    """A condition that cannot be read; `start` and `end` are columns inside the text from 0, the end exclusive."""

    def __init__(self, message: str, start: int, end: int, instead: str | None = None) -> None:
        self.message, self.start, self.end = message, start, end
        self.instead = instead
        """What to write in the place of these columns, where that is unambiguous."""
        super().__init__(f"{message} (column {start + 1})")


def parse(text: str, *, texts: bool = False, ordered: Collection[str] = ()) -> Condition:
    """A condition such as `drift.share > 5% and not alert.degraded`; ExpressionError otherwise.

    With `texts`, names may be compared with a text, too: `department == 'DELI' and amount > 0`. Those of `ordered` may be so by `>` and
    its like, as versions and moments are: `created >= '2026-01-01'`.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"a condition has at most {LONGEST} characters", LONGEST, len(text))
    parser = _Parser(tokens(text), texts, ordered)
    root = parser.disjunction(0)
    parser.finish()
    return Condition(root, text)


@dataclass(slots=True)
class _Parser:
    words: list[Token]
    texts: bool
    ordered: Collection[str] = ()
    position: int = 0

    @property
    def next(self) -> Token:
        return self.words[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += 1
        return token

    def keyword(self, word: str) -> bool:
        if self.next.kind == "name" and self.next.text.lower() == word:
            if self.next.text != word:
                self.fail(f"`{self.next.text}` is written `{word}`", instead=word)
            self.position += 1
            return True
        return False

    def fail(self, message: str, token: Token | None = None, instead: str | None = None) -> NoReturn:
        token = token or self.next
        raise ExpressionError(message, token.start, max(token.end, token.start + 1), instead)

    def disjunction(self, depth: int) -> Expression:
        parts = [self.conjunction(depth)]
        while self.keyword("or"):
            parts.append(self.conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(_flat(parts, Or))

    def conjunction(self, depth: int) -> Expression:
        parts = [self.negation(depth)]
        while self.keyword("and"):
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else And(_flat(parts, And))

    def negation(self, depth: int) -> Expression:
        if depth > DEEPEST:
            self.fail(f"a condition nests at most {DEEPEST} levels deep")
        if self.keyword("not"):
            return Not(self.negation(depth + 1))
        if self.next.text == "(":
            opened = self.take()
            inner = self.disjunction(depth + 1)
            if self.next.text != ")":
                self.fail("this `(` is never closed", opened)
            self.take()
            return inner
        return self.comparison()

    def comparison(self) -> Expression:
        name = self.take()
        match name.kind:
            case "name" if name.text.lower() not in _WORDS:
                pass
            case "end":
                self.fail("a name such as `drift.share` is missing at the end", name)
            case "number":
                self.fail("a comparison begins with its name: write `drift.share > 5%`, not `5% < drift.share`", name)
            case "operator" if name.text in ("!", "&", "&&", "|", "||"):
                self.fail(f"`{name.text}` is written `{INSTEAD[name.text]}`", name, INSTEAD[name.text])
            case _:
                self.fail(f"a name is missing before `{name.text}`", name)
        sign = self.next
        if sign.kind != "operator":
            return Truth(name.text, name.start)
        if sign.text in ("&", "&&", "|", "||"):
            self.fail(f"`{sign.text}` is written `{INSTEAD[sign.text]}`", instead=INSTEAD[sign.text])
        if sign.text not in get_args(Operator):
            self.fail(f"`{sign.text}` is no comparison", instead=INSTEAD.get(sign.text) if sign.text != "!" else "!=")
        self.take()
        if self.texts and self.next.kind == "text":
            return self.same(name, sign)
        compared = Compare(name.text, cast("Operator", sign.text), self.quantity(name.text), name.start)
        if self.next.kind == "operator" and self.next.text in get_args(Operator):
            self.fail(f"one comparison at a time: write `… and {name.text} {self.next.text} …`")
        return compared

    def same(self, name: Token, sign: Token) -> Same:
        orders = sign.text not in ("==", "!=")
        if orders and name.text not in self.ordered:
            self.fail(f"a text is compared by `==` or `!=`, not by `{sign.text}`", sign)
        written = re.sub(r"\\(.)", r"\1", self.take().text[1:-1])
        return Same(name.text, written, sign.text == "==", name.start, cast("Any", sign.text) if orders else None)

    def quantity(self, name: str) -> Quantity:
        token = self.take()
        if token.kind != "number":
            said = f"`{token.text}`" if token.text else "nothing"
            kinds = "a number, a percentage, a duration or a text in quotes" if self.texts else "a number, a percentage or a duration"
            self.fail(f"`{name}` is compared with {kinds}, not with {said}", token)
        found = _NUMBER.fullmatch(token.text)
        if found is None:
            self.fail(f"`{token.text}` is no number", token)
        number, unit = float(found[1]), found[2]
        if number in (float("inf"), float("-inf")):
            self.fail(f"`{token.text}` is too large a number", token)
        if unit not in get_args(Unit):
            self.fail(f"`{unit}` is no unit: `%`, `ms`, `s`, `m`, `h`, `d` and `w` are", token)
        return Quantity(number, cast("Unit", unit))

    def finish(self) -> None:
        token = self.next
        if token.kind == "end":
            return
        if token.text == ")":
            self.fail("this `)` was never opened")
        before = self.words[self.position - 1] if self.position else token
        if token.text == "(" and before.kind == "name" and before.end == token.start:
            self.fail(f"there are no functions: `{before.text}` cannot be called", before)
        if token.text in INSTEAD:
            self.fail(f"`{token.text}` is written `{INSTEAD[token.text]}`", instead=INSTEAD[token.text])
        if token.kind == "name" and token.text.lower() in _OTHER:
            self.fail(_OTHER[token.text.lower()])
        if token.text == "not" and (after := self.words[self.position + 1]).text.lower() in _OTHER:
            self.fail(_OTHER[after.text.lower()], after)
        if token.kind == "unknown" and token.text in "+-*/%":
            self.fail("a condition does not compute: compare one name with one value")
        self.fail(
            f"`and` or `or` is missing before `{token.text}`" if token.kind != "unknown" else f"`{token.text}` has no place in a condition"
        )


def _flat(parts: list[Expression], of: type[And | Or]) -> tuple[Expression, ...]:
    """`a and (b and c)` is `a and b and c`."""
    return tuple(inner for part in parts for inner in (part.parts if isinstance(part, of) else (part,)))
