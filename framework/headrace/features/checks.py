"""Whether what a spec says of a source's rows holds: all of it in one query, and some of the rows that break it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from headrace.compiled import CheckConfig
from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.features.engine import Origins, column_types, engine, engine_errors, relation
from headrace.features.sql.word import condition, literal, name
from headrace.spec.expression import parse

if TYPE_CHECKING:
    import duckdb

SHOWN = 3
"""How many of the rows that break a check are shown."""
_ROWS = "r"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check: how many of the source's `rows` break it, and some of them."""

    source: str
    id: str
    passed: bool
    mode: str
    broken: int
    rows: int
    said: str
    sample: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Rows:
    """A source as a relation, how many rows it has, and by which columns one is told from another."""

    source: str
    relation: str
    total: int
    keys: tuple[str, ...]


def check(origins: Origins, sources: Sequence[str]) -> list[Checked]:
    """The checks of some sources, in their order.

    HeadraceError: those of `read_source`, and `check-failed`, one a check with mode `block` that does not hold.
    """
    found: list[Checked] = []
    for named in dict.fromkeys(sources):
        if named in origins.sources and origins.sources[named].checks:
            found += _of_source(origins, named)
    report = Report()
    for item in found:
        if not item.passed and item.mode == "block":
            report.add(Diagnostic("check-failed", tell(item), help="mend the rows, or change the check"))
    if not report.ok:
        raise HeadraceError(report)
    return found


def tell(item: Checked) -> str:
    """One line: what does not hold, of how many rows, and some of them."""
    rows = "; ".join(", ".join(f"{column}={value}" for column, value in row.items()) for row in item.sample)
    return f"source/{item.source}, check `{item.id}`: {item.said}" + (f" (such as {rows})" if rows else "")


def _of_source(origins: Origins, named: str) -> list[Checked]:
    source = origins.sources[named]
    with engine(origins.root) as con:
        read = relation(con, origins, named, sorted(column_types(source)))
        told = [_count(item) for item in source.checks]
        keys = tuple(dict.fromkeys(column for item in source.checks for column in item.columns))
        try:
            ((total, *counts),) = con.execute(f"SELECT COUNT(*), {', '.join(told)} FROM {read} AS {_ROWS}").fetchall()
            rows = _Rows(named, read, int(total), keys)
            return [_checked(con, rows, item, int(count)) for item, count in zip(source.checks, counts, strict=True)]
        except engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(
                Diagnostic("check-failed", f"source/{named} could not be checked: {said}", help="correct the check")
            ) from error


def _count(item: CheckConfig) -> str:
    """How many rows break a check, as SQL."""
    match item.says:
        case "rows":
            return "0"
        case "unique":
            return f"COUNT(*) - COUNT(DISTINCT {_key(item)})"
        case _:
            return f"COUNT(CASE WHEN {_breaks(item)} THEN 1 END)"


def _key(item: CheckConfig) -> str:
    return "{" + ", ".join(f"k{position}: {_ROWS}.{name(column)}" for position, column in enumerate(item.columns)) + "}"


def _breaks(item: CheckConfig) -> str:
    """The condition by which one row breaks a check; a value that is missing breaks none but `missing`."""
    column = f"{_ROWS}.{name(item.column or '')}"
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
            return f"NOT ({condition(parse(item.text or '', texts=True).root, _ROWS)})"
        case "unique" | "rows":
            raise AssertionError(item)
        case _:
            assert_never(item.says)


def _checked(con: duckdb.DuckDBPyConnection, rows: _Rows, item: CheckConfig, broken: int) -> Checked:
    passed, said = _verdict(item, rows.total, broken)
    if passed or item.says == "rows":
        return Checked(rows.source, item.id, passed, item.mode, broken, rows.total, said)
    if item.says == "unique":
        keys = ", ".join(f"{_ROWS}.{name(column)}" for column in item.columns)
        query = f"SELECT {keys} FROM {rows.relation} AS {_ROWS} GROUP BY ALL HAVING COUNT(*) > 1 ORDER BY ALL LIMIT {SHOWN}"
    else:
        shown = ", ".join(f"{_ROWS}.{name(column)}" for column in _shown(item, rows.keys))
        query = f"SELECT {shown} FROM {rows.relation} AS {_ROWS} WHERE {_breaks(item)} LIMIT {SHOWN}"
    result = con.execute(query)
    columns = [column[0] for column in result.description or ()]
    sample = tuple(dict(zip(columns, map(str, row), strict=True)) for row in result.fetchall())
    return Checked(rows.source, item.id, passed, item.mode, broken, rows.total, said, sample)


def _shown(item: CheckConfig, keys: Sequence[str]) -> list[str]:
    """What is shown of a row: what tells it from others, and what the check reads."""
    read = [item.column] if item.column is not None else sorted(parse(item.text or "", texts=True).names())
    return list(dict.fromkeys([*keys, *read]))


_SAID = {
    "rows": "there are {total:,} rows, and {low:,.0f} to {high:,.0f} are wanted",
    "missing": "{broken:,} of {total:,} rows have no `{column}`, and at most {high:.6g} of all may",
    "unique": "{broken:,} of {total:,} rows have the same {columns} as another",
    "range": "in {broken:,} of {total:,} rows `{column}` is not between {low:g} and {high:g}",
    "values": "in {broken:,} of {total:,} rows `{column}` is none of {values}",
    "pattern": "in {broken:,} of {total:,} rows `{column}` is not `{text}`",
    "holds": "{broken:,} of {total:,} rows break `{text}`",
}
"""What does not hold, in words."""


def _verdict(item: CheckConfig, total: int, broken: int) -> tuple[bool, str]:
    """Whether a check holds, and in words what does not."""
    match item.says:
        case "rows":
            passed = (item.low or 0) <= total <= (item.high or 0)
        case "missing":
            passed = broken <= (item.high or 0) * total
        case _:
            passed = broken == 0
    told = {**item.model_dump(), "columns": ", ".join(f"`{column}`" for column in item.columns), "values": ", ".join(item.values)}
    return passed, _SAID[item.says].format(**told, total=total, broken=broken)
