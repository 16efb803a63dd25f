"""Checks as SQL: how many rows break each, what one is measured by, and which rows are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from headrace.compiled import CheckConfig
from headrace.features.sql.word import condition, literal, name
from headrace.spec.expression import parse
from headrace.spec.source import TEXTS

SHOWN = 3
"""How many of the rows that break a check are shown."""
ROWS = "r"
"""What the rows are called in a query."""
_BEFORE = "__before"


@dataclass(frozen=True, slots=True)
class Looked:
    """A source as a relation: its columns' types, those of others that its checks compare with, and the moment of checking."""

    relation: str
    types: Mapping[str, str]
    others: Mapping[str, str]
    now: int
    """Microseconds."""


def counted(item: CheckConfig, of: Looked) -> str:
    """How many rows break a check, as SQL."""
    match item.says:
        case "rows" | "fresh_within" | "like" | "pandera":
            return "0"
        case "unique":
            return f"COUNT(*) - COUNT(DISTINCT {_key(item)})"
        case "monotone":
            return f"(SELECT COUNT(*) FROM {_ordered(item, of)} WHERE {_turns_back(item)})"
        case _:
            return f"COUNT(CASE WHEN {_breaks(item, of)} THEN 1 END)"


def measured(item: CheckConfig, of: Looked) -> str:
    """The number that a check bounds, as SQL; NULL where it bounds none, or none is there."""
    if item.says != "fresh_within":
        return "NULL"
    at = f"epoch_us({ROWS}.{name(item.column or '')})"
    return f"({of.now} - MAX(CASE WHEN {at} <= {of.now} THEN {at} END)) / 1000000.0"


def shown(item: CheckConfig, of: Looked, keys: Sequence[str]) -> str | None:
    """A query for some of the rows that break a check; None where no row does so by itself."""
    match item.says:
        case "rows" | "fresh_within" | "like" | "pandera":
            return None
        case "unique":
            chosen = _columns(item.columns)
            return f"SELECT {chosen} FROM {of.relation} AS {ROWS} GROUP BY ALL HAVING COUNT(*) > 1 ORDER BY ALL LIMIT {SHOWN}"
        case "monotone":
            chosen = _columns(dict.fromkeys([*keys, *reversed(item.columns), item.column or ""]))
            order = ", ".join(f"{ROWS}.{name(column)}" for column in (*reversed(item.columns), item.column or ""))
            return f"SELECT {chosen} FROM {_ordered(item, of)} AS {ROWS} WHERE {_turns_back(item)} ORDER BY {order} LIMIT {SHOWN}"
        case _:
            read = [item.column] if item.column is not None else sorted(parse(item.text or "", texts=True).names())
            chosen = _columns(dict.fromkeys([*keys, *read]))
            return f"SELECT {chosen} FROM {of.relation} AS {ROWS} WHERE {_breaks(item, of)} LIMIT {SHOWN}"


def _columns(names: Sequence[str] | Mapping[str, None]) -> str:
    return ", ".join(f"{ROWS}.{name(column)}" for column in names)


def _key(item: CheckConfig) -> str:
    return "{" + ", ".join(f"k{position}: {ROWS}.{name(column)}" for position, column in enumerate(item.columns)) + "}"


def _breaks(item: CheckConfig, of: Looked) -> str:  # noqa: PLR0911 - one line a word
    """The condition by which one row breaks a check; a value that is missing breaks none but `missing`."""
    column = f"{ROWS}.{name(item.column or '')}"
    match item.says:
        case "range":
            return f"{column} < {literal(float(item.low or 0))} OR {column} > {literal(float(item.high or 0))}"
        case "values":
            return f"{column} NOT IN ({', '.join(literal(value) for value in item.values)})"
        case "pattern":
            return f"NOT regexp_full_match({column}, {literal(item.text or '')})"
        case "missing":
            return f"{column} IS NULL"
        case "holds":
            return f"NOT ({condition(parse(item.text or '', texts=True).root, ROWS)})"
        case "reads_as":
            return f"{column} IS NOT NULL AND NOT ({_reads_as(column, item.text or '', of.types.get(item.column or '', ''))})"
        case "ahead_at_most":
            return f"epoch_us({column}) > {of.now + round((item.high or 0) * 1_000_000)}"
        case "refers":
            inside = name(item.other_column or "")
            return (
                f"{column} IS NOT NULL AND {column} NOT IN (SELECT {inside} FROM {of.others[item.other or '']} WHERE {inside} IS NOT NULL)"
            )
        case "unique" | "rows" | "fresh_within" | "monotone" | "like" | "pandera":
            raise AssertionError(item)
        case _:
            assert_never(item.says)


def _reads_as(column: str, kind: str, declared: str) -> str:
    """Whether a value that is there can be read so."""
    if declared not in TEXTS:
        return "TRUE" if kind == "float" else f"{column} = floor({column})"
    match kind:
        case "int64":
            return f"regexp_full_match(trim({column}), '[+-]?[0-9]+') AND TRY_CAST(trim({column}) AS BIGINT) IS NOT NULL"
        case "float":
            return f"COALESCE(isfinite(TRY_CAST(trim({column}) AS DOUBLE)), FALSE)"
        case _:
            return f"TRY_CAST({column} AS TIMESTAMP WITH TIME ZONE) IS NOT NULL"


def _ordered(item: CheckConfig, of: Looked) -> str:
    """The rows, each with the value that stands before it."""
    along, *within = item.columns
    column = name(item.column or "")
    parted = f"PARTITION BY {name(within[0])} " if within else ""
    back = "" if item.text == "rising" else " DESC"  # of one moment, no order of two values is against the other
    window = f"OVER ({parted}ORDER BY {name(along)}, {column}{back})"
    known = " AND ".join(f"{name(part)} IS NOT NULL" for part in (item.column or "", along, *within))
    return f"(SELECT *, LAG({column}) {window} AS {name(_BEFORE)} FROM {of.relation} WHERE {known})"


def _turns_back(item: CheckConfig) -> str:
    return f"{name(item.column or '')} {'<' if item.text == 'rising' else '>'} {name(_BEFORE)}"
