"""How each arm served its units: failed requests and slow ones, from the journal, counted by unit."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlmodel import Session

from headrace.experiment.business import Asked, exposed
from headrace.experiment.exposure import EXPOSURE, PREDICTION, of_experiment, unit_of
from headrace.experiment.observed import Cell
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.proportions import Proportion

ERROR_RATE = "error_rate"
_LATENCY = re.compile(r"latency_p([1-9]\d?)")
_DIGITS = 1000
"""A latency is told by its first three digits."""


def quantile(metric: str) -> float | None:
    """Which quantile of the latency a metric is: `latency_p99` is 0.99; None where it is none."""
    found = _LATENCY.fullmatch(metric)
    return None if found is None else int(found[1]) / 100


def failing(session: Session, asked: Asked, by: str | None = None) -> Iterator[Cell]:
    """Units with a request that their arm failed to answer: a share of units, since the requests of one unit are not independent."""
    p = PREDICTION.c
    unit = unit_of(asked.declared)
    failed = func.max(case((p.error.is_not(None), 1), else_=0))
    asked_of = and_(of_experiment(asked.row, asked.declared), p.at <= asked.as_of)
    each = select(unit.label("unit"), p.arm, failed.label("failed")).where(asked_of).group_by(unit, p.arm).subquery()
    units = exposed(asked, asked.as_of - asked.as_of, by).subquery()
    u = units.c
    groups = (u.arm, u.epoch, u.segment)
    # Only by its own arm: what another answered after the shares changed is not this one's failure.
    query = select(*groups, func.count(), func.sum(each.c.failed)).join_from(
        units, each, and_(each.c.unit == u.unit, each.c.arm == u.arm)
    ).group_by(*groups).order_by(*groups)  # fmt: skip
    for arm, epoch, segment, n, hits in session.connection().execute(query).tuples():
        yield Cell(metric=ERROR_RATE, arm=arm, epoch=epoch, segment=segment, seen=Proportion(n, int(hits)))


def latencies(session: Session, asked: Asked, metric: str) -> Iterator[Cell]:
    """The seconds that each unit's first request took: one value a unit, in cells of three digits."""
    p, e = PREDICTION.c, EXPOSURE.c
    low = _rounded(p.latency_us)
    query = (
        select(e.arm, e.epoch, low, func.count())
        .join_from(EXPOSURE, PREDICTION, p.seq == e.seq)
        .where(e.experiment == asked.row.id, e.first_at <= asked.as_of)
        .group_by(e.arm, e.epoch, low)
    )
    found: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for arm, epoch, cell, n in session.connection().execute(query).tuples():
        found[arm, epoch][int(cell)] = n
    edges = _edges([cell for counts in found.values() for cell in counts])
    seconds = tuple(edge / 1e6 for edge in edges)
    for (arm, epoch), counts in sorted(found.items()):
        histogram = Histogram(seconds, (0, *(counts.get(edge, 0) for edge in edges)))
        yield Cell(metric=metric, arm=arm, epoch=epoch, seen=histogram)


def _rounded(column: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    steps = [10**k for k in range(1, 10)]
    return case((column < _DIGITS, column), *((column < _DIGITS * step, column // step * step) for step in steps), else_=column)


def _edges(cells: Sequence[int]) -> list[int]:
    """Where cells begin and where they end."""
    found = set(cells)
    for cell in cells:
        width = 1
        while cell >= _DIGITS * width:
            width *= 10
        found.add(cell + width)
    return sorted(found)
