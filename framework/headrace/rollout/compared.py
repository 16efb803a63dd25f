"""What becomes of an experiment whose rollout ends under it: a rollback, or a promotion, by hand ends both at once."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from headrace import traffic
from headrace.store import EventKind, events, tables
from headrace.store.experimental import Experiment

RUNNING = ("running", "stopped_enrolling")
"""The states of an experiment that has not ended, as the room `experiment` names them; a test compares."""


def running(session: Session, model: str) -> Experiment | None:
    """The experiment that has not ended; there is one at most."""
    return session.exec(select(Experiment).where(Experiment.model == model, col(Experiment.state).in_(RUNNING))).first()


def end(session: Session, row: tables.Rollout, at: datetime, reason: str, *, cause: str | None) -> None:
    """End the experiment that still compares the rollout's candidate; what an experiment decides itself has ended by then."""
    found = running(session, row.model)
    if found is None or found.candidate != row.candidate:
        return
    weights = traffic.current(session, row.model)
    found.state = "failed"
    found.last_epoch = None if weights is None else last_epoch(found, weights)
    found.details = {**found.details, "verdict": "failed", "reason": reason, "ended_at": at.isoformat()}
    session.flush()
    payload = {"experiment": found.id, "number": found.number, "candidate": found.candidate, "champion": found.champion, "reason": reason}
    events.append(session, model=row.model, kind=EventKind.EXPERIMENT_FAILED, payload=payload, at=at, cause=cause)


def last_epoch(row: Experiment, weights: traffic.Weights) -> int:
    """The newest epoch that was the experiment's: the weights may have moved on by now."""
    mine = weights.among is not None and weights.among.experiment == row.id
    return weights.epoch if mine else max(row.first_epoch, weights.epoch - 1)
