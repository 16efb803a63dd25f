"""Business metrics of an experiment's units, summed in the database: one value a unit, then sums over units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, String, and_, case, func, literal, null, select
from sqlmodel import Session

from headrace.experiment.exposure import EXPOSURE, PREDICTION
from headrace.experiment.observed import KEPT, Cell, Metric, Seen
from headrace.experiment.within import later
from headrace.stats.cuped import Covaried
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion
from headrace.store.experimental import Experiment
from headrace.store.tables import Row

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared, Measure

_MEASURE = Row.metadata.tables["measure"]
_MISSED_LOOKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An experiment as it is known at a moment."""

    row: Experiment
    declared: Declared
    as_of: datetime


def window(measure: Measure, declared: Declared) -> timedelta:
    """How long after its first exposure a unit's values count; a unit is judged once that is over. ValueError where nobody said it."""
    within = measure.within or declared.delay
    if not within > timedelta(0):
        raise ValueError(f"`{measure.name}` has no `within`, and the label no delay")
    return within


def about(session: Session, asked: Asked, measure: Measure) -> Metric:
    """Which way it is better, and why nothing of it comes any more, where two looks went by without a value: that is not zero."""
    m = _MEASURE.c
    names = [name for name in (measure.of or measure.name, measure.per) if name is not None]
    for name in names:
        query = select(func.max(m.known_at)).where(m.model == asked.row.model, m.metric == name, m.known_at <= asked.as_of)
        newest: datetime | None = session.connection().execute(query).scalar()
        if newest is None:
            return Metric(better=measure.better, stale=f"no value of `{name}` was ever told")
        by = min(asked.as_of, asked.row.enrols_until + window(measure, asked.declared))
        if by - newest > _MISSED_LOOKS * asked.declared.looks:
            return Metric(better=measure.better, stale=f"no value of `{name}` has come since {newest:%Y-%m-%d %H:%M}")
    return Metric(better=measure.better)


def cells(session: Session, asked: Asked, measure: Measure, by: str | None = None) -> Iterator[Cell]:
    """The sums of one measure by arm and epoch; `by` a column of the first request, or by `KEPT`, too."""
    match measure.kind:
        case "ratio":
            yield from _ratios(session, asked, measure, by)
        case "rate":
            yield from _rates(session, asked, measure, by)
        case "mean":
            yield from _means(session, asked, measure, by)


def exposed(asked: Asked, matured: timedelta, by: str | None) -> Select[Any]:
    """Units with arm, epoch, when they were first seen and their segment: those that were seen so long ago at least."""
    e = EXPOSURE.c
    segment: ColumnElement[Any] = null().cast(String) if by is None else literal(KEPT)
    if by is not None and by != KEPT:
        segment = literal(f"{by}=") + func.coalesce(PREDICTION.c.inputs[by].as_string(), "")
    query = select(e.unit, e.arm, e.epoch, e.first_at, segment.label("segment"))
    query = query.where(e.experiment == asked.row.id, e.first_at <= asked.as_of - matured)
    if by == KEPT:
        return query.where(~e.switched)
    return query if by is None else query.join(PREDICTION, PREDICTION.c.seq == e.seq)


def _rates(session: Session, asked: Asked, measure: Measure, by: str | None) -> Iterator[Cell]:
    values = _values(asked, measure, by).subquery().c
    # A share of units: what a unit did twice it did.
    did = func.sum(case((values.y > 0, 1), else_=0))
    if measure.covariate is not None:
        yield from _covaried(session, measure, case((values.y > 0, 1.0), else_=0.0), values)
        return
    for arm, epoch, segment, n, hits in _grouped(session, values, (func.count(), did)):
        yield _cell(measure, arm, epoch, segment, Proportion(n, int(hits)))


def _means(session: Session, asked: Asked, measure: Measure, by: str | None) -> Iterator[Cell]:
    values = _values(asked, measure, by).subquery().c
    y = _capped(session, measure, values)
    if measure.covariate is not None:
        yield from _covaried(session, measure, y, values)
        return
    for arm, epoch, segment, n, total, squares in _grouped(session, values, (func.count(), func.sum(y), func.sum(y * y))):
        yield _cell(measure, arm, epoch, segment, Moments.of_sums(n, total, squares))


def _ratios(session: Session, asked: Asked, measure: Measure, by: str | None) -> Iterator[Cell]:
    values = _values(asked, measure, by).subquery().c
    y, x = _capped(session, measure, values), values.x
    sums = (func.count(), func.sum(y), func.sum(y * y), func.sum(x), func.sum(x * x), func.sum(x * y))
    for arm, epoch, segment, n, ys, y2, xs, x2, xy in _grouped(session, values, sums):
        yield _cell(measure, arm, epoch, segment, JointMoments.of_sums(Moments.of_sums(n, ys, y2), Moments.of_sums(n, xs, x2), xy))


def _covaried(session: Session, measure: Measure, y: Any, values: Any) -> Iterator[Cell]:  # noqa: ANN401 - SQLAlchemy's columns
    """The same with what was told of a unit before it was first seen; units of which nothing was are counted apart."""
    b = func.coalesce(values.before, 0.0)
    there, lacks = (case((values.before.is_not(None), one), else_=1.0 - one) for one in (1.0, 0.0))
    sums = (func.count(), func.sum(there), func.sum(y * there), func.sum(y * y * there), func.sum(b), func.sum(b * b), func.sum(y * b))
    for arm, epoch, segment, n, had, ys, y2, bs, b2, yb, rest, rest2 in _grouped(
        session, values, (*sums, func.sum(y * lacks), func.sum(y * y * lacks))
    ):
        k = int(had)
        known = JointMoments.of_sums(Moments.of_sums(k, ys, y2), Moments.of_sums(k, bs, b2), yb)
        yield _cell(measure, arm, epoch, segment, Covaried(known, Moments.of_sums(n - k, rest, rest2)))


def _cell(measure: Measure, arm: str, epoch: int, segment: str | None, seen: Seen) -> Cell:
    return Cell(metric=measure.name, arm=arm, epoch=epoch, segment=segment, seen=seen)


def _grouped(session: Session, values: Any, sums: tuple[Any, ...]) -> list[Any]:  # noqa: ANN401 - SQLAlchemy's columns
    by = (values.arm, values.epoch, values.segment)
    return list(session.connection().execute(select(*by, *sums).group_by(*by).order_by(*by)).tuples())


def _values(asked: Asked, measure: Measure, by: str | None) -> Select[Any]:
    """Each unit with its values after its first exposure: y, x of a ratio, and `before`, None where nothing was told."""
    within, m = window(measure, asked.declared), _MEASURE.c
    units = exposed(asked, within, by).subquery("units")
    u, of = units.c, measure.of or measure.name
    during = and_(
        m.model == asked.row.model,
        m.unit == u.unit,
        m.metric.in_([of] if measure.per is None else [of, measure.per]),
        m.at >= u.first_at,
        m.at < later(u.first_at, within),
        m.known_at <= asked.as_of,
    )
    y = func.sum(case((m.metric == of, m.value), else_=0.0))
    x = func.sum(case((m.metric == measure.per, m.value), else_=0.0))
    who = (u.unit, u.arm, u.epoch, u.segment)
    before: ColumnElement[Any] = null()
    if measure.covariate is not None:
        before = _before(asked, measure, u, within)
    return select(*who, y.label("y"), x.label("x"), before.label("before")).join_from(
        units, _MEASURE, during, isouter=True
    ).group_by(*who, u.first_at)  # fmt: skip


def _before(asked: Asked, measure: Measure, u: Any, within: timedelta) -> ColumnElement[Any]:  # noqa: ANN401 - SQLAlchemy's columns
    """What was told of a unit in as long a time strictly before it was first seen."""
    b = _MEASURE.alias("earlier")
    earlier = select(func.sum(b.c.value)).where(
        b.c.model == asked.row.model,
        b.c.unit == u.unit,
        b.c.metric == measure.covariate,
        b.c.at >= later(u.first_at, -within),
        b.c.at < u.first_at,
        b.c.known_at <= asked.as_of,
    )
    return earlier.correlate(u.unit.table).scalar_subquery()


def _capped(session: Session, measure: Measure, values: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    """Values with those above the quantile `winsorize` of all units, whatever their arm, cut down to it: one buyer moves no mean alone."""
    if measure.winsorize is None:
        return values.y
    n = session.connection().execute(select(func.count()).select_from(values.y.table)).scalar() or 0
    if not n:
        return values.y
    rank = max(0, ceil(measure.winsorize * n) - 1)
    cap = session.connection().execute(select(values.y).order_by(values.y).offset(rank).limit(1)).scalar_one()
    return case((values.y > cap, cap), else_=values.y)
