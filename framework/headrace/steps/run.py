"""The book of runs: one row a run of a flow, an event when it starts and one when it ends, and one run an event."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlmodel import Session, col, select

from headrace import tracking
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.steps.collector import outlived
from headrace.store import Store, events, tables
from headrace.store.events import EventKind
from headrace.store.kinds import RunStatus, TrackedStatus

__all__ = ["Running", "end", "running", "start"]


TRACKED = re.compile(r"train|batch(_.*)?")
"""The flows whose runs are tracked, under the same id."""


class Place(Protocol):
    """What the book needs of a workspace."""

    @property
    def store(self) -> Store: ...
    @property
    def actor(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Running:
    """A run that a step works in; what the step puts into `details` is written down with the run when the step ends."""

    id: str
    details: dict[str, Any] = field(default_factory=dict)


@contextmanager
def running(
    workspace: Place,
    *,
    model: str,
    flow: str,
    cause: str | None = None,
    run_id: str | None = None,
    as_of: datetime | None = None,
    last: bool = False,
) -> Iterator[Running]:
    """Work within a run: the flow's first step gives `cause` and starts it, the later ones give `run_id`, the `last` one ends it.

    A step that raises ends the run as failed, and the error goes on. A step that is tried again takes the run up again.
    HeadraceError `already-answered` as `start`.
    """
    if run_id is None:
        run_id = start(workspace, model=model, flow=flow, cause=cause, as_of=as_of)
    else:
        _take_up(workspace, run_id)
    step = Running(run_id)
    try:
        with outlived():
            yield step
    except BaseException as error:
        end(workspace, run_id, RunStatus.FAILED, step.details | {"error": f"{type(error).__name__}: {error}"})
        raise
    if last:
        end(workspace, run_id, RunStatus.PASSED, step.details)
    elif step.details:
        with workspace.store.transaction(workspace.actor, "note", f"run {run_id}") as session:
            row = _row(session, run_id)
            row.details = {**row.details, **step.details}


def start(workspace: Place, *, model: str, flow: str, cause: str | None = None, as_of: datetime | None = None) -> str:
    """Start a run and give its id: one run an event, so a cause that was taken up already gives the same run again.

    HeadraceError `already-answered` (exit 4) where the run of this cause has ended well.
    """
    at = workspace.store.clock.now()
    with workspace.store.transaction(workspace.actor, "start", f"model/{model} {flow}") as session:
        row = None
        if cause is not None:
            query = select(tables.Run).where(tables.Run.model == model, tables.Run.flow == flow, tables.Run.cause == cause)
            row = session.exec(query.order_by(col(tables.Run.started_at).desc())).first()
        if row is not None and row.status is RunStatus.PASSED:
            raise HeadraceError(
                Diagnostic(
                    "already-answered",
                    f"event {cause} has been answered by the {flow} run {row.id} of model/{model}: nothing is done twice",
                ),
                Exit.REFUSED,
            )
        if row is not None:
            _reopen(session, row, at)
            row.details = {**row.details, **_in_prefect()}
            return row.id
        known_by = as_of.replace(tzinfo=UTC) if as_of is not None and as_of.tzinfo is None else as_of
        row = tables.Run(id=tracking.new_id(), model=model, flow=flow, cause=cause, as_of=known_by, started_at=at, details=_in_prefect())
        session.add(row)
        session.flush()
        if TRACKED.fullmatch(flow):
            tracking.begin(session, id=row.id, experiment=model, actor=workspace.actor, at=at, model=model, flow=flow)
        events.append(session, model=model, kind=EventKind.RUN_STARTED, payload={"run_id": row.id, "flow": flow}, at=at, cause=cause)
        return row.id


def _in_prefect() -> dict[str, Any]:
    """The id of the flow run that this process is, as Prefect's worker tells it; a run that dies without a word is found by it."""
    found = os.environ.get("PREFECT__FLOW_RUN_ID")
    return {"prefect": found} if found else {}


def end(workspace: Place, run_id: str, status: RunStatus, details: dict[str, Any] | None = None, *, killed: bool = False) -> None:
    """End a run; one that ended the same way already stays as it is. A tracked one that was `killed` is said to be."""
    at = workspace.store.clock.now()
    with workspace.store.transaction(workspace.actor, "end", f"run {run_id}") as session:
        row = _row(session, run_id)
        if row.status is status:
            return
        row.status, row.ended_at, row.details = status, at, {**row.details, **(details or {})}
        payload = {"run_id": run_id, "flow": row.flow, "status": status.value}
        if error := row.details.get("error") if status is RunStatus.FAILED else None:
            payload["error"] = error
        ended = TrackedStatus.FINISHED if status is RunStatus.PASSED else TrackedStatus.KILLED if killed else TrackedStatus.FAILED
        tracking.end(session, run_id, ended, at=at, error=error)
        events.append(session, model=row.model, kind=EventKind.RUN_ENDED, payload=payload, at=at, cause=row.cause)


def _take_up(workspace: Place, run_id: str) -> None:
    at = workspace.store.clock.now()
    with workspace.store.transaction(workspace.actor, "take up", f"run {run_id}") as session:
        _reopen(session, _row(session, run_id), at)


def _reopen(session: Session, row: tables.Run, at: datetime) -> None:
    """Let a failed run go on, since its step is tried again; one that runs, runs."""
    if row.status is RunStatus.FAILED:
        row.status, row.ended_at = RunStatus.RUNNING, None
        tracking.reopen(session, row.id)
        payload = {"run_id": row.id, "flow": row.flow, "again": True}
        events.append(session, model=row.model, kind=EventKind.RUN_STARTED, payload=payload, at=at, cause=row.cause)


def _row(session: Session, run_id: str) -> tables.Run:
    row = session.get(tables.Run, run_id)
    if row is None:
        raise HeadraceError(Diagnostic("no-run", f"there is no run {run_id} in this store"))
    return row
