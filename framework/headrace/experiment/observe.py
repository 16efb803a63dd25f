"""What a look sees: exposures and every metric that an experiment names, as sums by arm and epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlmodel import Session, col
from sqlmodel import select as rows_of

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.experiment import business, operational, quality
from headrace.experiment.business import Asked
from headrace.experiment.exposure import EXPOSURE
from headrace.experiment.observed import KEPT, Cell, Metric, Observed
from headrace.store import tables
from headrace.store.experimental import Experiment

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared
    from headrace.hooks import Plugins


def observe(session: Session, row: Experiment, declared: Declared, as_of: datetime, *, plugins: Plugins) -> Observed:
    """All that was known of an experiment by a moment; `expose` brings its exposures up to the journal before.

    HeadraceError `unknown-metric`, `metric-not-by-row`. A query that fails raises: what is not known is never zero.
    """
    asked = Asked(row=row, declared=declared, as_of=as_of)
    arrived, switched, newest = _arrived(session, asked)
    kept = (KEPT,) if any(switched.values()) else ()
    primary = {one.metric for one in declared.primary}
    metrics: dict[str, Metric] = {}
    found: list[Cell] = []
    for name in names(declared):
        metrics[name] = _about(session, asked, name, plugins)
        if metrics[name].stale:
            continue
        found.extend(_cells(session, asked, name, plugins, None))
        if name in primary:
            for by in (*declared.segments, *kept):
                found.extend(_cells(session, asked, name, plugins, by))
    return Observed(
        metrics=metrics,
        cells=tuple(found),
        arrived=arrived,
        shares=_shares(session, asked, arrived),
        switched=switched,
        looks=_looks(row, as_of),
        final=as_of >= row.ends_at,
        newest=newest,
    )


def names(declared: Declared) -> list[str]:
    """Every metric that an experiment names, each once, those that decide first."""
    rails = (one.metric for one in declared.guardrails)
    return list(dict.fromkeys((*(one.metric for one in declared.primary), *rails, *declared.secondary)))


def _about(session: Session, asked: Asked, name: str, plugins: Plugins) -> Metric:
    for measure in asked.declared.measures:
        if measure.name == name:
            return business.about(session, asked, measure)
    at = operational.quantile(name)
    if name == operational.ERROR_RATE or at is not None:
        return Metric(better="lower", quantile=at)
    if name in plugins.metrics:
        return Metric(better=plugins.metrics[name].better)
    known = ", ".join(sorted({*plugins.metrics, *(one.name for one in asked.declared.measures), operational.ERROR_RATE}))
    raise HeadraceError(
        Diagnostic("unknown-metric", f"nothing measures `{name}`, by which the experiment judges", help=f"there are: {known}"), Exit.FAILED
    )


def _cells(session: Session, asked: Asked, name: str, plugins: Plugins, by: str | None) -> Iterator[Cell]:
    for measure in asked.declared.measures:
        if measure.name == name:
            return business.cells(session, asked, measure, by)
    if name == operational.ERROR_RATE:
        return operational.failing(session, asked, by)
    if operational.quantile(name) is not None:
        return operational.latencies(session, asked, name) if by is None else iter(())
    return quality.cells(session, asked, plugins.metrics[name], by)


def _arrived(session: Session, asked: Asked) -> tuple[dict[int, dict[str, int]], dict[str, int], datetime | None]:
    e = EXPOSURE.c
    some = (e.experiment == asked.row.id, e.first_at <= asked.as_of)
    query = select(e.epoch, e.arm, e.switched, func.count(), func.max(e.first_at)).where(*some).group_by(e.epoch, e.arm, e.switched)
    arrived: dict[int, dict[str, int]] = {}
    switched: dict[str, int] = {}
    newest: datetime | None = None
    for epoch, arm, moved, n, last in session.connection().execute(query).tuples():
        by_arm = arrived.setdefault(epoch, {})
        by_arm[arm] = by_arm.get(arm, 0) + n
        if moved:
            switched[arm] = switched.get(arm, 0) + n
        newest = last if newest is None else max(newest, last)
    return arrived, switched, newest


def _shares(session: Session, asked: Asked, arrived: Mapping[int, object]) -> dict[int, dict[str, float]]:
    """What each arm was to get in each epoch of which a unit is there."""
    weights = tables.Weights
    query = rows_of(weights).where(col(weights.model) == asked.row.model, col(weights.epoch).in_(sorted(arrived)))
    return {
        row.epoch: {arm["name"]: float(arm["weight"]) for arm in row.arms if arm["name"] in asked.declared.arms}
        for row in session.exec(query)
    }


def _looks(row: Experiment, as_of: datetime) -> tuple[float, ...]:
    """The information at each look that was taken before: `details["looks"]` has each with its moment."""
    taken = ((datetime.fromisoformat(str(one["at"])), float(one["information"])) for one in row.details.get("looks", []))
    return tuple(information for at, information in sorted(taken) if at < as_of)
