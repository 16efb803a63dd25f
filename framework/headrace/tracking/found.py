"""Runs as they are found: whole values that outlive their session, a page at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import Store
from headrace.store.kinds import TrackedKind, TrackedStatus
from headrace.store.tracked import Tracked, TrackedArtifact, TrackedMetric, TrackedPoint, TrackedValue
from headrace.tracking import value, wanted
from headrace.tracking.book import row_of

_AT_ONCE = 500
"""Ids in one query: databases bound the parameters of a statement."""
NEWEST = wanted.Order()


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric's history."""

    step: int
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Last:
    """A metric's last value, and how many there are."""

    value: float
    step: int
    at: datetime
    n: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes that a run left."""

    name: str
    version: int
    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """One run, with all but the histories of its metrics."""

    id: str
    experiment: str
    name: str | None
    model: str | None
    version: int | None
    flow: str | None
    parent: str | None
    status: TrackedStatus
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    actor: str
    error: str | None
    dataset: dict[str, Any] | None
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Last] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()

    def artifact(self, name: str) -> Artifact | None:
        """The newest bytes of this name."""
        return max((item for item in self.artifacts if item.name == name), key=lambda item: item.version, default=None)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the runs that were meant, and how many there are in all."""

    runs: tuple[Found, ...]
    total: int


def search(
    store: Store,
    filter: str | None = None,  # noqa: A002 - the word that is typed
    *,
    experiment: str | None = None,
    order: wanted.Order = NEWEST,
    limit: int | None = None,
    offset: int = 0,
) -> Page:
    """The runs for which a condition holds, all where there is none, in a total order. HeadraceError `bad-filter`."""
    read = wanted.condition(filter) if filter is not None else None
    now = store.clock.now()
    with store.read() as session:
        query, total = select(Tracked), select(func.count()).select_from(Tracked)
        if read is not None:
            meant = wanted.where(read, now)
            query, total = query.where(meant), total.where(meant)
        if experiment is not None:
            query, total = query.where(Tracked.experiment == experiment), total.where(Tracked.experiment == experiment)
        query = query.order_by(*wanted.by(order, session.get_bind().dialect.name)).offset(offset)
        rows = session.exec(query.limit(limit) if limit is not None else query).all()
        return Page(tuple(_found(session, rows)), session.exec(total).one())


def get(store: Store, which: str) -> Found:
    """One run by its id, or by a beginning of it that no other has. HeadraceError: `no-run`, `which-run`."""
    with store.read() as session:
        return next(_found(session, [row_of(session, find(session, which))]))


def find(session: Session, which: str) -> str:
    """The id that is meant. HeadraceError as `get`."""
    word = which.lower()
    query = select(Tracked.id).where(col(Tracked.id).startswith(word, autoescape=True)).order_by(col(Tracked.id)).limit(3)
    ids = session.exec(query).all() if word else []
    if len(ids) == 1 or word in ids:
        return word if word in ids else ids[0]
    if ids:
        raise HeadraceError(
            Diagnostic("which-run", f"several runs begin with `{which[:80]}`: {', '.join(ids[:2])} …", help="type more of the id"),
            Exit.USAGE,
        )
    return row_of(session, word).id


def children(store: Store, run_id: str) -> list[str]:
    """The ids of the runs whose parent it is, oldest first."""
    with store.read() as session:
        query = select(Tracked.id).where(Tracked.parent == run_id).order_by(col(Tracked.started_at), col(Tracked.id))
        return list(session.exec(query))


def history(store: Store, run_id: str) -> dict[str, list[Point]]:
    """Every value of every metric of a run, by step, and of one step as they were logged."""
    told: dict[str, list[Point]] = {}
    with store.read() as session:
        query = select(TrackedPoint).where(TrackedPoint.run_id == run_id).order_by(col(TrackedPoint.step), col(TrackedPoint.id))
        for row in session.exec(query):
            told.setdefault(row.name, []).append(Point(row.step, row.value, row.at))
    return dict(sorted(told.items()))


def _found(session: Session, rows: Sequence[Tracked]) -> Iterator[Found]:
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        ids = [row.id for row in part]
        values: dict[tuple[str, TrackedKind], dict[str, Any]] = {}
        for item in session.exec(select(TrackedValue).where(col(TrackedValue.run_id).in_(ids)).order_by(col(TrackedValue.name))):
            values.setdefault((item.run_id, item.kind), {})[item.name] = value.read(item.value)
        metrics: dict[str, dict[str, Last]] = {}
        for metric in session.exec(select(TrackedMetric).where(col(TrackedMetric.run_id).in_(ids)).order_by(col(TrackedMetric.name))):
            metrics.setdefault(metric.run_id, {})[metric.name] = Last(metric.value, metric.step, metric.at, metric.n)
        left: dict[str, list[Artifact]] = {}
        sorted_ = (col(TrackedArtifact.name), col(TrackedArtifact.version))
        for made in session.exec(select(TrackedArtifact).where(col(TrackedArtifact.run_id).in_(ids)).order_by(*sorted_)):
            left.setdefault(made.run_id, []).append(Artifact(made.name, made.version, made.digest, made.size))
        for row in part:
            yield Found(
                **{name: getattr(row, name) for name in _PLAIN},
                params=values.get((row.id, TrackedKind.PARAM), {}),
                tags=values.get((row.id, TrackedKind.TAG), {}),
                digests=values.get((row.id, TrackedKind.DIGEST), {}),
                metrics=metrics.get(row.id, {}),
                artifacts=tuple(left.get(row.id, ())),
            )


_PLAIN = tuple(item.name for item in dataclasses.fields(Found) if item.default is item.default_factory is dataclasses.MISSING)
