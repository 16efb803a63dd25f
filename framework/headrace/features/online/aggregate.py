"""What a view says of an entity at a moment, computed from its events in plain Python, by the definitions that the SQL is written from.

Counts, least and greatest, the newest, and sums of whole numbers are exact; sums of floats are rounded once, at their end, and a mean is
the sum by the count, so that they differ from an engine's by no more than the order of its additions.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile, groupby
from operator import itemgetter
from typing import Any, assert_never

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.online.definition import Definition
from headrace.features.online.event import Value
from headrace.features.sql.aggregate import DAY
from headrace.features.sql.relation import oldest, youngest
from headrace.features.sql.values import closure
from headrace.spec.expression import Condition, Named, parse, parse_arithmetic
from headrace.spec.expression.arithmetic import Arithmetic, Binary, Negative, Number

Row = tuple[Any, ...]
"""An event that may be read: its time in microseconds, then the definition's columns."""
Rows = Sequence[Row]
Answer = float | str | None
Older = Callable[[], Iterator[Row]]
"""Events before those that are at hand, the newest first; they are read as far as they are looked at."""


class BeyondNumbersError(ArithmeticError):
    """A feature's value is beyond what a number holds; the message is its name."""


@dataclass(frozen=True)
class Computing:
    """The wanted features of a view, ready to be computed again and again.

    `reach` is the greatest age in microseconds of the events that all but the endless ones need; None where none of them looks back.
    """

    wanted: tuple[str, ...]
    reach: int | None
    endless: bool
    """Whether a feature looks back as far as it must: `values` may then ask for older events."""
    columns: Mapping[str, int]
    subsets: tuple[tuple[int | None, int, Condition | None], ...]
    """Windows that features share: how far back, how old at least, and which rows count."""
    held: tuple[tuple[int, int], ...]
    """The values of a column that stand in a subset, by the subset's number and the column's place in a row."""
    base: tuple[tuple[str, Callable[[_At], Answer]], ...]
    final: tuple[tuple[str, Arithmetic, float | None], ...]

    def values(self, rows: Rows, moment: int, older: Older) -> dict[str, Answer]:
        """Each wanted feature at a moment, of events in the order of time that may be read then and are at most `reach` old.

        BeyondNumbersError where a value is infinite.
        """
        here = _At(self, rows, moment, older)
        found: dict[str, Answer] = {}
        for word, compute in self.base:
            try:
                found[word] = compute(here)
            except OverflowError:
                raise BeyondNumbersError(word) from None
        for word, node, empty in self.final:
            told = _arithmetic(node, found)
            found[word] = empty if told is None else told
        answers = {word: found[word] for word in self.wanted}
        for word, value in answers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise BeyondNumbersError(word)
        return answers


def computing(definition: Definition, wanted: Collection[str]) -> Computing:
    """The wanted features and all that their arithmetic reads."""
    view = definition.view
    places = {column: place for place, column in enumerate(definition.columns, start=1)}
    subsets: dict[tuple[int | None, int, str | None], int] = {}
    held: dict[tuple[int, int], int] = {}
    base: list[tuple[str, Callable[[_At], Answer]]] = []
    final: list[tuple[str, Arithmetic, float | None]] = []
    ages: list[int | None] = []
    for word in _ordered(view, wanted):
        feature = view.features[word]
        if feature.kind == "expression":
            final.append((word, parse_arithmetic(feature.of or ""), feature.empty))
            continue
        age = oldest(view, feature)
        ages.append(age)
        subset = subsets.setdefault((age, youngest(view, feature), feature.where), len(subsets))
        base.append((word, _feature(view, feature, subset, places, held)))
    bounded = [age for age in ages if age is not None]
    return Computing(
        wanted=tuple(wanted),
        reach=max(bounded) if bounded else None,
        endless=None in ages,
        columns=places,
        subsets=tuple((age, least, parse(where, texts=True) if where is not None else None) for age, least, where in subsets),
        held=tuple(held),
        base=tuple(base),
        final=tuple(final),
    )


def _ordered(view: ViewConfig, wanted: Collection[str]) -> list[str]:
    """What is computed, arithmetic after what it reads."""
    found: list[str] = []

    def visit(word: str) -> None:
        if word in found:
            return
        feature = view.features[word]
        if feature.kind == "expression":
            for inner in closure(view, [word]):
                if inner != word:
                    visit(inner)
        found.append(word)

    for word in wanted:
        visit(word)
    return found


class _At:
    """The events of one read, cut and filtered once for all features that share a window."""

    __slots__ = ("_computing", "_held", "_older", "_subsets", "moment", "rows")

    def __init__(self, computing: Computing, rows: Rows, moment: int, older: Older) -> None:
        self._computing = computing
        self.rows = rows
        self.moment = moment
        self._older = older
        self._subsets: list[Rows | None] = [None] * len(computing.subsets)
        self._held: list[list[Any] | None] = [None] * len(computing.held)

    def subset(self, number: int) -> Rows:
        """The events that count, oldest first."""
        found = self._subsets[number]
        if found is None:
            age, least, where = self._computing.subsets[number]
            rows = self.rows
            if age is None:
                found = list(self.backwards())[::-1]
            elif age == self._computing.reach:
                found = rows
            else:
                found = rows[bisect_left(rows, (self.moment - age,)) :]
            if least:
                found = found[: bisect_left(found, (self.moment - least + 1,))]
            if where is not None:
                found = [row for row in found if self.passes(where, row)]
            self._subsets[number] = found
        return found

    def backwards(self) -> Iterator[Row]:
        """All events that may be read, the newest first."""
        yield from reversed(self.rows)
        yield from self._older()

    def newest(self, number: int) -> Iterable[Row]:
        """The events of a subset, the newest first; of one without an end, no more are read than are looked at."""
        age, least, where = self._computing.subsets[number]
        if age is not None:
            return reversed(self.subset(number))
        found = self.backwards()
        if least:
            found = dropwhile(lambda row: row[0] > self.moment - least, found)
        return found if where is None else (row for row in found if self.passes(where, row))

    def passes(self, where: Condition, row: Row) -> bool:
        """Whether an event counts."""
        return where.evaluate({column: row[place] for column, place in self._computing.columns.items()}) is True

    def held(self, number: int) -> list[Any]:
        """The values that there are of a column."""
        found = self._held[number]
        if found is None:
            subset, place = self._computing.held[number]
            found = [value for row in self.subset(subset) if (value := row[place]) is not None]
            self._held[number] = found
        return found


def _feature(
    view: ViewConfig, feature: FeatureConfig, subset: int, places: Mapping[str, int], held: dict[tuple[int, int], int]
) -> Callable[[_At], Answer]:
    empty = feature.empty if feature.empty is not None or feature.kind not in ("count", "distinct") else 0.0

    def answer(value: Answer) -> Answer:
        return empty if value is None else value

    kind = feature.kind
    if kind == "count" and feature.of is None:
        return lambda here: float(len(here.subset(subset)))
    if kind == "ratio":
        wanted = parse(feature.of or "", texts=True)

        def share(here: _At) -> Answer:
            rows = here.subset(subset)
            return answer(sum(here.passes(wanted, row) for row in rows) / len(rows) if rows else None)

        return share
    place = places[feature.of or ""]
    if kind in ("last", "column"):
        ties = tuple(places[column] for column in (*view.tie_break, feature.of or ""))
        needed = place if kind == "last" else None
        text = feature.type == "category"

        def newest(here: _At) -> Answer:
            row = _newest(here.newest(subset), ties, needed, feature.back)
            value = None if row is None else row[place]
            return value if value is None and empty is None else answer(value if text or value is None else float(value))

        return newest
    values = held.setdefault((subset, place), len(held))
    if kind == "since":
        return lambda here: answer((here.moment - max(found)) / DAY if (found := here.held(values)) else None)
    aggregate = _AGGREGATES[kind]
    return lambda here: answer(aggregate(here.held(values)))


def _sum(values: list[Any]) -> float | None:
    if not values:
        return None
    return float(sum(values)) if isinstance(values[0], int) else math.fsum(values)


def _mean(values: list[Any]) -> float | None:
    total = _sum(values)
    return None if total is None else total / len(values)


def _std(values: list[Any]) -> float | None:
    """By n - 1, from the differences to the mean: nothing cancels."""
    if len(values) < 2:  # noqa: PLR2004 - one has no spread
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


_AGGREGATES: dict[str, Callable[[list[Any]], float | None]] = {
    "sum": _sum,
    "count": lambda values: float(len(values)),
    "mean": _mean,
    "min": lambda values: float(min(values)) if values else None,
    "max": lambda values: float(max(values)) if values else None,
    "std": _std,
    "distinct": lambda values: float(len(set(values))),
}


def _newest(rows: Iterable[Row], ties: tuple[int, ...], needed: int | None, back: int) -> Row | None:
    """Of rows that begin with the newest that which stands `back` rows before it; rows without `needed` are passed over.

    Of several of one time those with the greater values are the newer; no more are read than decide it.
    """
    held = (row for row in rows if needed is None or row[needed] is not None)
    for _, same in groupby(held, key=itemgetter(0)):
        first, *more = same
        if not back and not more:
            return first
        together = sorted((first, *more), key=lambda row: _rank(row, ties), reverse=True)
        if back < len(together):
            return together[back]
        back -= len(together)
    return None


def _rank(row: Row, ties: tuple[int, ...]) -> tuple[tuple[bool, Value], ...]:
    return tuple((row[place] is not None, row[place] if row[place] is not None else 0) for place in ties)


def _arithmetic(node: Arithmetic, found: Mapping[str, Answer]) -> float | None:
    match node:
        case Number(value):
            return float(value)
        case Named(name):
            known = found[name]
            return known if isinstance(known, float) else None
        case Negative(part):
            inner = _arithmetic(part, found)
            return None if inner is None else -inner
        case Binary(sign, left, right):
            return _binary(sign, _arithmetic(left, found), _arithmetic(right, found))
        case _:
            assert_never(node)


def _binary(sign: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right if right else None
