"""A moment so long after another, in SQL: both databases count it alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from headrace.store.columns import UtcTime


class _Later(FunctionElement[Any]):
    type = UtcTime()
    name = "later"
    inherit_cache = True


def later(moment: ColumnElement[Any], by: timedelta) -> ColumnElement[Any]:
    """`moment` and `by`, to the millisecond; `by` may be below 0."""
    return _Later(moment, literal(by.total_seconds()))


@compiles(_Later, "sqlite")
def _of_sqlite(element: _Later, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    moment, by = (compiler.process(clause, **more) for clause in element.clauses)
    # Text of the width that moments have, so that it sorts among them.
    return f"(strftime('%Y-%m-%d %H:%M:%f', {moment}, ({by}) || ' seconds') || '000')"


@compiles(_Later, "postgresql")
def _of_postgresql(element: _Later, compiler: Any, **more: Any) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    moment, by = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({moment} + make_interval(secs => CAST({by} AS DOUBLE PRECISION)))"
