"""How runs are written down, each part within a transaction of the caller's: what belongs together is written together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, delete, insert, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store.kinds import TrackedKind, TrackedStatus
from headrace.store.naming import refuse_names
from headrace.store.tracked import Experiment, Tracked, TrackedArtifact, TrackedMetric, TrackedPoint, TrackedValue
from headrace.tracking.identity import Process
from headrace.tracking.value import Kept, kept, measured, named, stepped


class Logged(NamedTuple):
    """One value of one metric."""

    name: str
    step: int
    value: float
    at: datetime


def begin(
    session: Session,
    *,
    id: str,  # noqa: A002 - the column's name
    experiment: str,
    actor: str,
    at: datetime,
    name: str | None = None,
    model: str | None = None,
    flow: str | None = None,
    parent: str | None = None,
    process: Process | None = None,
) -> None:
    """Begin a run. HeadraceError: `bad-record`, `no-run` where there is no such parent."""
    if parent is not None:
        row_of(session, parent)
    if session.get(Experiment, named(experiment)) is None:
        session.add(Experiment(name=experiment, created_at=at))
    session.add(
        Tracked(
            id=id,
            experiment=experiment,
            name=None if name is None else named(name),
            model=model,
            flow=flow,
            parent=parent,
            status=TrackedStatus.RUNNING,
            started_at=at,
            actor=actor,
            host=None if process is None else process.host,
            pid=None if process is None else process.pid,
            born=None if process is None else process.born,
        )
    )
    session.flush()


def reopen(session: Session, run_id: str) -> None:
    """Let a run that ended go on, since it is tried again; nothing where it is not tracked.

    What a try that made nothing was asked for and made of is forgotten: the next one may be asked for something else.
    """
    row = session.get(Tracked, run_id)
    if row is None:
        return
    row.status, row.ended_at, row.seconds, row.error = TrackedStatus.RUNNING, None, None, None
    if row.version is None:
        forgotten = delete(TrackedValue).where(col(TrackedValue.run_id) == run_id, col(TrackedValue.kind) != TrackedKind.TAG)
        session.execute(forgotten)


def end(session: Session, run_id: str, status: TrackedStatus, *, at: datetime, error: str | None = None) -> None:
    """End a run; one that has ended stays as it is, and so does what is not tracked."""
    row = session.get(Tracked, run_id)
    if row is not None and row.status is TrackedStatus.RUNNING:
        row.status, row.ended_at, row.error = status, at, error
        row.seconds = (at - row.started_at).total_seconds()


def log_params(session: Session, run_id: str, params: Mapping[str, Any]) -> None:
    """Write params down. HeadraceError `param-changed` where one was logged with another value: nothing is written then."""
    _once(session, run_id, TrackedKind.PARAM, params)


def write_digests(session: Session, run_id: str, digests: Mapping[str, str]) -> None:
    """Write down what a run was made of, such as `data` and `code`; as immutable as its params."""
    _once(session, run_id, TrackedKind.DIGEST, digests)


def set_tags(session: Session, run_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags; a tag that there is gets the new value."""
    row_of(session, run_id)
    for name, new in _all(tags).items():
        row = session.get(TrackedValue, (run_id, TrackedKind.TAG, name))
        if row is None:
            session.add(_value(run_id, TrackedKind.TAG, name, new))
        else:
            row.value, row.number, row.text = new.value, new.number, new.text


def log_points(session: Session, run_id: str, points: Iterable[tuple[str, int, float, datetime]]) -> None:
    """Add values of metrics to their histories."""
    logged = [Logged(named(name), stepped(step), measured(name, value), at) for name, step, value, at in points]
    if not logged:
        return
    row_of(session, run_id)
    session.execute(insert(TrackedPoint), [{"run_id": run_id, **point._asdict()} for point in logged])
    for name in sorted({point.name for point in logged}):
        mine = [point for point in logged if point.name == name]
        # The last of those of the highest step: `max` gives the first of equals.
        newest = max(reversed(mine), key=lambda point: point.step)
        row = session.get(TrackedMetric, (run_id, name))
        if row is None:
            session.add(TrackedMetric(run_id=run_id, n=len(mine), **newest._asdict()))
            continue
        row.n += len(mine)
        if newest.step >= row.step:
            row.step, row.value, row.at = newest.step, newest.value, newest.at
    session.flush()


def link(session: Session, run_id: str, name: str, digest: str, *, at: datetime, size: int | None = None) -> int:
    """Say that a run left these bytes, which are among the blobs, and give the version: other bytes under one name are the next."""
    row_of(session, run_id)
    query = select(TrackedArtifact).where(TrackedArtifact.run_id == run_id, TrackedArtifact.name == named(name))
    last = session.exec(query.order_by(col(TrackedArtifact.version).desc())).first()
    if last is not None and last.digest == digest:
        return last.version
    if last is None:
        there = select(TrackedArtifact.name).where(TrackedArtifact.run_id == run_id).distinct()
        refuse_names([*session.exec(there), name], f"run {run_id}")
    version = last.version + 1 if last is not None else 1
    session.add(TrackedArtifact(run_id=run_id, name=name, version=version, digest=digest, size=size, at=at))
    session.flush()
    return version


def make_note(session: Session, run_id: str, *, version: int | None = None, dataset: Mapping[str, Any] | None = None) -> None:
    """Note the candidate that a run registered, and of what rows."""
    row = row_of(session, run_id)
    if version is not None:
        row.version = version
    if dataset is not None:
        row.dataset = dict(dataset)


def row_of(session: Session, run_id: str) -> Tracked:
    """A run's row. HeadraceError `no-run`."""
    row = session.get(Tracked, run_id)
    if row is None:
        raise HeadraceError(
            Diagnostic("no-run", f"there is no run {run_id[:80]} in this store", help="`headrace runs list` lists them"), Exit.FAILED
        )
    return row


def _all(values: Mapping[str, Any]) -> dict[str, Kept]:
    return {named(name): kept(name, value) for name, value in values.items()}


def _once(session: Session, run_id: str, kind: TrackedKind, values: Mapping[str, Any]) -> None:
    row_of(session, run_id)
    new = _all(values)
    query = select(TrackedValue).where(TrackedValue.run_id == run_id, TrackedValue.kind == kind)
    old = {row.name: row.value for row in session.exec(query)}
    for name, value in new.items():
        if old.get(name, value.value) != value.value:
            message = f"`{name}` of run {run_id} was logged as {old[name][:80]}, and cannot become {value.value[:80]}"
            raise HeadraceError(
                Diagnostic("param-changed", message, help="log it under another name, set a tag, or begin another run"), Exit.REFUSED
            )
    session.add_all(_value(run_id, kind, name, value) for name, value in new.items() if name not in old)
    session.flush()


def _value(run_id: str, kind: TrackedKind, name: str, value: Kept) -> TrackedValue:
    return TrackedValue(run_id=run_id, kind=kind, name=name, value=value.value, number=value.number, text=value.text)
