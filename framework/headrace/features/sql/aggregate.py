"""One feature as an aggregate over the events that are in reach of it."""

from __future__ import annotations

from collections.abc import Callable

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql.dialect import Dialect
from headrace.features.sql.relation import MOMENT, TIME
from headrace.features.sql.word import condition, name
from headrace.spec.expression import parse

DAY = 86_400_000_000
"""Microseconds of a day."""

Over = Callable[[str], str]
"""How an aggregate is written: as it is, or over a frame."""


def aggregate(feature: FeatureConfig, counted: str, *, of: str, over: Over, newest: str) -> str:
    """The value of a feature, as SQL; `counted` is the condition by which an event of `of` counts, `newest` what `newest` gives.

    Sums of whole numbers stay exact; a mean is the sum by the count, so that it is the same wherever it is computed.
    """
    if feature.kind in ("last", "column"):
        return newest
    if feature.kind == "ratio":
        wanted = condition(parse(feature.of or "", texts=True).root, of)
        return _share(over, f"CASE WHEN {counted} AND ({wanted}) THEN 1 WHEN {counted} THEN 0 END")
    value = f"CASE WHEN {counted} THEN {f'{of}.{name(feature.of)}' if feature.of is not None else '1'} END"
    if feature.kind == "mean":
        return _share(over, value)
    return over(_PLAIN[feature.kind].format(value))


_PLAIN = {
    "sum": "SUM({})",
    "count": "COUNT({})",
    "distinct": "COUNT(DISTINCT {})",
    "min": "MIN({})",
    "max": "MAX({})",
    "since": "MAX({})",
    "std": "STDDEV_SAMP(CAST({} AS DOUBLE))",
}


def _share(over: Over, value: str) -> str:
    return f"CAST({over(f'SUM({value})')} AS DOUBLE) / NULLIF({over(f'COUNT({value})')}, 0)"


def order(view: ViewConfig, feature: FeatureConfig, of: str, dialect: Dialect, texts: frozenset[str]) -> list[tuple[str, str]]:
    """What makes one event newer than another, best first: whether there is a value, and the value.

    Time, the columns of `tie_break`, then the value itself: the newest is one and the same, in whatever order rows are read.
    """
    wanted = [name(column) for column in (*view.tie_break, feature.of or "")]
    collated = [dialect.binary if column in texts else "" for column in (*view.tie_break, feature.of or "")]
    found = [("", f"{of}.{name(TIME)}")]
    return found + [(f"{of}.{column} IS NOT NULL", f"{of}.{column}{binary}") for column, binary in zip(wanted, collated, strict=True)]


def holds(feature: FeatureConfig, of: str) -> str:
    """Whether an event has something that can be the newest: a value for `last`; for `column` the event itself is enough."""
    return f" AND {of}.{name(feature.of or '')} IS NOT NULL" if feature.kind == "last" else ""


def greatest(view: ViewConfig, feature: FeatureConfig, counted: str, *, of: str, over: Over) -> str:
    """The newest value, or one so many before it, as the greatest of structs, for engines that compare them part by part."""
    parts: list[str] = []
    for position, (present, value) in enumerate(order(view, feature, of, _STRUCTS, frozenset())):
        parts += [f"p{position}: {present}"] if present else []
        parts.append(f"v{position}: {value}")
    last = len(view.tie_break) + 1
    one = f"CASE WHEN {counted}{holds(feature, of)} THEN {{{', '.join(parts)}}} END"
    if feature.back:
        return f"({over(f'MAX({one}, {feature.back + 1})')})[{feature.back + 1}].v{last}"
    return f"({over(f'MAX({one})')}).v{last}"


_STRUCTS = Dialect("structs", "{0}", structs=True)


def answer(feature: FeatureConfig, value: str, moment: str = name(MOMENT)) -> str:
    """A feature's value as it is handed out: a DOUBLE or a text, `empty` where there is none."""
    if feature.kind == "since":
        value = f"CAST({moment} - {value} AS DOUBLE) / {DAY}"
    if feature.type == "category":
        return f"CAST({value} AS VARCHAR)"
    told = f"CAST({value} AS DOUBLE)"
    empty = feature.empty if feature.empty is not None or feature.kind not in ("count", "distinct") else 0.0
    return f"COALESCE({told}, {float(empty)!r})" if empty is not None else told
