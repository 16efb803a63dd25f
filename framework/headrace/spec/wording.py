"""What a type wants and what a node is, in the user's words; which word was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from headrace.document import Mapping, Node, Scalar
from headrace.spec import quantity
from headrace.spec.name import RefersTo
from headrace.spec.place import bare, members, metadata, model_of

_SHORT = 60
_QUANTITIES = {
    quantity.duration: "a duration such as `28d`",
    quantity.percentage: "a percentage such as `5%`",
    quantity.ratio: "a ratio such as `2x`",
    quantity.rate: "a rate such as `12000/d`",
    quantity.difference: "a difference such as `1pp` or `10% relative`",
    quantity.size: "a size such as `4GiB`",
}


def cut(text: str) -> str:
    """A message with the long words in it cut: a value may be as long as its file."""
    return _LONG_WORD.sub(lambda word: f"{word[0][: _SHORT - 1]}…", text)


_LONG_WORD = re.compile(rf"[^\s`]{{{_SHORT + 1},}}")


def short(value: object) -> str:
    """A value's text, cut where it is long."""
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def choice(words: Iterable[str]) -> str:
    """`a`, `b` or `c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def quantity_of(annotation: Any, field: FieldInfo | None) -> Any:  # noqa: ANN401 - a function of `quantity`, or None
    """Which quantity with a unit a field is."""
    for item in metadata(annotation, field):
        if isinstance(item, BeforeValidator) and item.func in _QUANTITIES:
            return item.func
    return None


def wants(annotation: Any, field: FieldInfo | None = None) -> str:  # noqa: ANN401, PLR0911 - one line a type
    """What a value of this type is called."""
    known = quantity_of(annotation, field)
    if known is not None:
        return _QUANTITIES[known]
    for item in metadata(annotation, field):
        if isinstance(item, RefersTo):
            return f"a reference such as `{item}/NAME`"
    inner = bare(annotation)
    if len(members(inner)) > 1:
        return choice(dict.fromkeys(wants(member) for member in members(inner)))
    if get_origin(inner) is Literal:
        return choice(f"`{_yaml(value)}`" for value in get_args(inner))
    if get_origin(inner) is tuple and get_args(inner)[-1] is not ...:
        return f"a list of {len(get_args(inner))}"
    if model_of(inner) is not None or get_origin(inner) is dict or inner is dict:
        return "keys with values"
    if get_origin(inner) in (tuple, list):
        return "a list"
    plain = {
        Any: "anything",
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "`true` or `false`",
        date: "a date such as `2017-03-01`",
    }
    return plain.get(inner, "a duration such as `28d`" if inner is timedelta else "another value")


_BOUNDS = (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most"))


def bounds(field: FieldInfo) -> str | None:
    """Between what a value must lie, or how many there must be: `more than 0%, less than 100%`."""
    known = quantity_of(field.annotation, field)
    said = [
        f"{words} {limit(getattr(item, bound), known)}"
        for item in metadata(field.annotation, field)
        for bound, words in _BOUNDS
        if getattr(item, bound, None) is not None
    ]
    least = next((item.min_length for item in metadata(field.annotation, field) if getattr(item, "min_length", 0)), 0)
    return ", ".join([*said, f"at least {least}"] if least else said) or None


def limit(value: Any, known: Any) -> str:  # noqa: ANN401 - a number or a length of time; a function of `quantity`, or None
    """A bound as it is written."""
    if isinstance(value, timedelta):
        return quantity.write_duration(value)
    return f"{value * 100:g}%" if known is quantity.percentage else f"{value:g}x" if known is quantity.ratio else f"{value}"


def _yaml(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def found(node: Node | None) -> str:
    """What stands there."""
    match node:
        case Scalar(value=None) | None:
            return "nothing"
        case Scalar(value=bool()):
            return f"the boolean `{node.text}`"
        case Scalar(value=int() | float()):
            return f"the number `{short(node.text)}`"
        case Scalar():
            return f"the text `{short(node.text)}`"
        case Mapping():
            return "keys with values"
        case _:
            return "a list"


GUESSES = 100_000
"""How many pairs of words are compared in one run: some thousand faults among the words of the language."""
_LONGEST = 80
"""A longer word is no slip of a name: names have 63 letters."""
_left: ContextVar[list[int] | None] = ContextVar("guesses left", default=None)


@contextmanager
def guessing(most: int = GUESSES) -> Iterator[None]:
    """Compare so many pairs of words and no more: a file of nothing but faults is answered as fast as one with few.

    What was meant is asked in many places for each fault, and all of them spend of the same; hence a context, and no argument of each.
    """
    token = _left.set([most])
    try:
        yield
    finally:
        _left.reset(token)


def _affordable(word: object, among: Iterable[object]) -> list[str]:
    """The words that one is compared with: none once the run has spent its comparisons."""
    left = _left.get()
    if len(str(word)) > _LONGEST or (left is not None and left[0] <= 0):
        return []
    words = list(map(str, among))
    if left is not None:
        left[0] -= len(words)
        if left[0] < 0:
            return []
    return words


def nearest(word: object, among: Iterable[object], cutoff: float = 0.6) -> str | None:
    """Which of some words was probably meant."""
    close = _close(word, among, 1, cutoff)
    return close[0] if close else None


def only(word: object, among: Iterable[object], cutoff: float = 0.6) -> str | None:
    """The one of some words that is near at all."""
    close = _close(word, among, 2, cutoff)
    return close[0] if len(close) == 1 else None


def _close(word: object, among: Iterable[object], most: int, cutoff: float) -> list[str]:
    words = {w.casefold(): w for w in _affordable(word, among) if len(w) <= _LONGEST}
    close = difflib.get_close_matches(str(word).casefold(), words, n=most, cutoff=cutoff) if words else []
    return [words[found] for found in close if _alike(str(word).casefold(), found, cutoff)]


def _alike(word: str, other: str, cutoff: float) -> bool:
    """Whether two words are near by more than a part that they share: `conversion_rate` is no misspelt `error_rate`."""
    ours, theirs = (re.split(r"[_.-]", text) for text in (word, other))
    shared = set(ours) & set(theirs)
    left, right = ("_".join(part for part in parts if part not in shared) for parts in (ours, theirs))
    return not shared or not left or not right or difflib.SequenceMatcher(None, left, right).ratio() >= cutoff


def listed(words: Iterable[str], form: str = "{}") -> str:
    """Words in the order of the alphabet, each in a form; of very many the first, and how many more."""
    known = list(words)
    shown = sorted(known)[:_LISTED] if len(known) <= _SORTED else known[:_LISTED]
    return ", ".join(form.format(word) for word in shown) + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")


_LISTED = 40
_SORTED = 1000
"""More words than that are not put in order for each fault."""


def hint(word: object, among: Iterable[object]) -> str | None:
    """Said beside the caret."""
    meant = nearest(word, among)
    return f"did you mean `{meant}`?" if meant is not None else None


def certain(word: object, among: Iterable[object], shortest: int = 3) -> bool:
    """Whether only `nearest` can have been meant: one slip of the hand away, two in a long word, and nothing else as near.

    Digits count as no slip: `census_2016` is not a misspelt `census_2015`. `shortest` is that of a word which may hold a slip: longer
    for names that users give than for the language's own.
    """
    given = _folded(word)
    near = sorted({(_slips(given, _folded(other)), other) for other in _affordable(word, among)})
    if not near or _digits(given) != _digits(_folded(near[0][1])):
        return False
    allowed = 0 if len(given) < shortest else 1 if len(given) < _LONG else 2
    return near[0][0] <= allowed and (len(near) == 1 or near[1][0] > max(near[0][0], 1)) and near[0][1] == nearest(word, [near[0][1]])


_LONG = 8


def _folded(word: object) -> str:
    return str(word).casefold().replace("-", "_")


def _digits(word: str) -> str:
    return "".join(c for c in word if c.isdigit())


def _slips(one: str, other: str) -> int:
    """Letters put in, left out, exchanged or swapped with their neighbour (optimal string alignment); 3 stands for more."""
    if abs(len(one) - len(other)) > 2:  # noqa: PLR2004 - as far as anybody looks
        return 3
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if last and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return min(row[-1], 3)
