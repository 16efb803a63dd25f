"""Versions as they are found: whole values that outlive their session, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select
from sqlalchemy import select as sql_select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import Executable
from sqlmodel import Session, col, func, select

from headrace.registry import wanted
from headrace.store import Store, tables
from headrace.store.kinds import IndexedKind, Stage
from headrace.store.registered import VersionIndex, VersionValue

COUNTED = 10_000
"""So many versions are counted: to count more takes longer than to find a page of them."""
_MANY = 20_000
_AT_ONCE = 300
"""Versions in one query: databases bound the parameters of a statement."""
NEWEST = wanted.Order()


@dataclass(frozen=True, slots=True)
class Found:
    """One version with what it is found by; values that are neither a number nor a text are not here."""

    model: str
    number: int
    semver: str | None
    stage: Stage
    algorithm: str
    run_id: str
    created_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str | None
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, float | str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the versions that were meant; `total` is how many there are in all, None where they are more than `COUNTED`."""

    versions: tuple[Found, ...]
    total: int | None
    plan: tuple[str, ...] = ()
    """How the database went about it, a line a step, where that was asked."""


def search(
    store: Store,
    filter: str | None = None,  # noqa: A002 - the word that is typed
    *,
    order: wanted.Order = NEWEST,
    limit: int | None = None,
    offset: int = 0,
    withdrawn: bool = False,
    plan: bool = False,
) -> Page:
    """The versions for which a condition holds, all where there is none, in a total order; those that were withdrawn only where asked.

    HeadraceError `bad-filter`.
    """
    read = wanted.condition(filter) if filter is not None else None
    now = store.clock.now()
    with store.read() as session:
        meant: list[Any] = [] if withdrawn else [col(VersionIndex.withdrawn_at).is_(None)]
        meant += [] if read is None else [wanted.where(read, now, partial(_wide, session))]
        query = select(VersionIndex).where(*meant)
        if (joined := wanted.sorting(order)) is not None:
            query = query.outerjoin(wanted.SORTING, joined)
        query = query.order_by(*wanted.by(order, session.get_bind().dialect.name)).offset(offset)
        query = query.limit(limit) if limit is not None else query
        told = tuple(str(row[-1]) for row in session.connection().execute(_Explained(query))) if plan else ()
        rows = session.exec(query).all()
        total = _counted(session, select(VersionIndex.id).where(*meant), COUNTED + 1)
        return Page(tuple(_found(session, rows)), total if total <= COUNTED else None, told)


def _wide(session: Session, query: Select[Any]) -> bool:
    return _counted(session, query, _MANY) == _MANY


def _counted(session: Session, query: Select[Any], most: int) -> int:
    """How many rows there are, as far as it matters."""
    total: int = session.connection().execute(sql_select(func.count()).select_from(query.limit(most).subquery())).scalar_one()
    return total


def of_model(session: Session, model: str) -> dict[int, Found]:
    """All versions of a model by number, the withdrawn ones too."""
    query = select(VersionIndex).where(VersionIndex.model == model).order_by(col(VersionIndex.number))
    return {found.number: found for found in _found(session, session.exec(query).all())}


def _found(session: Session, rows: Sequence[VersionIndex]) -> Iterator[Found]:
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        models = {row.model for row in part}
        called: dict[tuple[str, int], list[str]] = {}
        for alias in session.exec(select(tables.Alias).where(col(tables.Alias.model).in_(models)).order_by(col(tables.Alias.name))):
            called.setdefault((alias.model, alias.number), []).append(alias.name)
        values: dict[tuple[int | None, IndexedKind], dict[str, Any]] = {}
        query = select(VersionValue).where(col(VersionValue.version_id).in_([row.id for row in part]))
        for item in session.exec(query.order_by(col(VersionValue.name))):
            told = item.text if item.text is not None else item.number
            if told == told:  # noqa: PLR0124 - NaN is neither
                values.setdefault((item.version_id, item.kind), {})[item.name] = told
        for row in part:
            yield Found(
                **{name: getattr(row, name) for name in _PLAIN},
                aliases=tuple(called.get((row.model, row.number), ())),
                metrics=values.get((row.id, IndexedKind.METRIC), {}),
                params=values.get((row.id, IndexedKind.PARAM), {}),
                tags=values.get((row.id, IndexedKind.TAG), {}),
            )


class _Explained(Executable, ClauseElement):
    """A query that is not carried out: the database says how it would be."""

    inherit_cache = False

    def __init__(self, query: Any) -> None:  # noqa: ANN401 - a statement
        self.query = query


@compiles(_Explained)
def _explain(element: _Explained, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own
    how = "EXPLAIN QUERY PLAN" if compiler.dialect.name == "sqlite" else "EXPLAIN"
    return f"{how} {compiler.process(element.query, **more)}"


_PLAIN = tuple(name for name in Found.__dataclass_fields__ if name not in {"aliases", "metrics", "params", "tags"})
