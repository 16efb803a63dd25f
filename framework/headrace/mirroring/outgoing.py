"""What a store has of runs, versions and aliases, as the values that a tracker is given; bytes are read when they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import rfc8785
from sqlmodel import col, func, select

from headrace import registry, tracking
from headrace.hooks import AliasRecord, Left, Outgoing, Point, RunRecord, VersionRecord, parents_first
from headrace.store import Store, tables
from headrace.store.tracked import Tracked
from headrace.tracking import Found

_AT_ONCE = 100
"""Runs that are read together."""


def outgoing(store: Store) -> Outgoing:
    """All of it. Runs come by their start, a parent before its children."""
    with store.read() as session:
        runs = session.exec(select(func.count()).select_from(Tracked)).one()
        models = list(session.exec(select(tables.ModelVersion.model).distinct().order_by(col(tables.ModelVersion.model))))
        made = session.exec(select(func.count()).select_from(tables.ModelVersion)).one()
    return Outgoing(_runs(store), _versions(store, models), _aliases(store, models), runs + made + len(models))


def _runs(store: Store) -> Iterator[RunRecord]:
    # Ids alone are few bytes each: so a run that begins meanwhile moves no page.
    with store.read() as session:
        rows = session.exec(select(Tracked.id, Tracked.parent).order_by(col(Tracked.started_at), col(Tracked.id))).all()
    ordered = parents_first(dict(rows))
    for start in range(0, len(ordered), _AT_ONCE):
        for run_id in ordered[start : start + _AT_ONCE]:
            yield record(store, tracking.get(store, run_id))


def record(store: Store, run: Found) -> RunRecord:
    """One run as a tracker is given it."""
    return RunRecord(
        id=run.id,
        experiment=run.experiment,
        name=run.name,
        model=run.model,
        version=run.version,
        flow=run.flow,
        parent=run.parent,
        status=run.status.value,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=run.seconds,
        actor=run.actor,
        error=run.error,
        dataset=run.dataset,
        params=run.params,
        tags=run.tags,
        digests=run.digests,
        metrics={
            name: tuple(Point(point.step, point.value, point.at) for point in points)
            for name, points in tracking.history(store, run.id).items()
        },
        artifacts=tuple(
            Left(item.name, item.version, item.digest, item.size, partial(store.blobs.get, item.digest)) for item in run.artifacts
        ),
    )


def _versions(store: Store, models: list[str]) -> Iterator[VersionRecord]:
    for model in models:
        with store.read() as session:
            found = registry.versions(session, model)
        for version in found:
            yield VersionRecord(
                model=version.model,
                number=version.number,
                run_id=version.run_id,
                algorithm=version.algorithm,
                format=version.format,
                model_digest=version.model_digest,
                manifest=rfc8785.dumps(version.manifest),
                manifest_digest=version.manifest_digest,
                created_at=version.created_at,
                read=partial(store.blobs.get, version.model_digest),
            )


def _aliases(store: Store, models: list[str]) -> Iterator[AliasRecord]:
    for model in models:
        with store.read() as session:
            yield AliasRecord(model, registry.aliases(session, model))
