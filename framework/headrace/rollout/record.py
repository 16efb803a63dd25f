"""What the store knows of a model's rollout: its row, and the facts that a decision rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, func, select

from headrace import registry, traffic
from headrace.rollout.canary import Canary
from headrace.rollout.decide import Facts, Running
from headrace.rollout.state import RUNNING, State
from headrace.stats.eprocess import Stratum
from headrace.store import EventKind, events, tables
from headrace.store.now import reading


def running_row(session: Session, model: str) -> tables.Rollout | None:
    """The rollout that has not ended; there is one at most."""
    query = select(tables.Rollout).where(tables.Rollout.model == model, col(tables.Rollout.state).in_([state.value for state in RUNNING]))
    return session.exec(query).first()


def promoted_row(session: Session, model: str, number: int) -> tables.Rollout | None:
    """The rollout that made this version the champion."""
    query = select(tables.Rollout).where(
        tables.Rollout.model == model, tables.Rollout.candidate == number, tables.Rollout.state == State.ACTIVE.value
    )
    return session.exec(query.order_by(col(tables.Rollout.started_at).desc())).first()


def facts(session: Session, canary: Canary, model: str) -> Facts:
    """All that `decide` looks at, as one consistent view."""
    seen, row = reading(session), running_row(session, model)
    held, weights = registry.aliases(session, model), traffic.current(session, model)
    return Facts(
        canary=canary,
        now=seen.now,
        driven=seen.holder is not None,
        running=None if row is None else _running(row),
        waiting=waiting(session, model, held),
        champion=held.get(registry.CHAMPION),
        weights=weights,
        counts={} if weights is None else _counts(session, canary, weights),
        heard=None if row is None else _heard(session, row),
        withdrawn=row is not None and withdrawn(session, row),
    )


def waiting(session: Session, model: str, held: Mapping[str, int]) -> int | None:
    """The version called candidate, unless it is on trial already or is the champion."""
    row, number = running_row(session, model), held.get(registry.CANDIDATE)
    if number in {held.get(registry.CHAMPION), None if row is None else row.candidate}:
        return None
    return number


def last_seq(session: Session, model: str) -> int:
    """The newest prediction that the store has of a model."""
    return session.exec(select(func.max(tables.Prediction.seq)).where(tables.Prediction.model == model)).one() or 0


def _running(row: tables.Rollout) -> Running:
    return Running(
        candidate=row.candidate,
        champion=row.champion or 0,
        step=row.step,
        started_at=row.started_at,
        step_since=row.step_since,
        passed=tuple(row.passed),
        wrong_share=bool(row.details.get("wrong_share")),
    )


def withdrawn(session: Session, row: tables.Rollout) -> bool:
    """Whether its gates, or who must agree, have turned the candidate down since it passed."""
    kinds = (EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED)
    said = [event.kind for event in events.log(session, row.model, kinds) if event.payload.get("number") == row.candidate]
    return said[-1:] == [EventKind.CANDIDATE_REJECTED]


def _counts(session: Session, canary: Canary, weights: traffic.Weights) -> dict[str, list[Stratum]]:
    numbers = [epoch.epoch for epoch in traffic.epochs(session, weights)]
    metrics = {traffic.ERROR_RATE, *(judge.metric for judge in canary.judge)}
    return {metric: traffic.strata(session, weights.model, numbers, metric) for metric in sorted(metrics)}


def _heard(session: Session, row: tables.Rollout) -> Any:  # noqa: ANN401 - a datetime, or None
    """When the candidate was last asked; only what was journalled since the rollout began is looked through."""
    prediction = tables.Prediction
    query = select(prediction.at).where(
        prediction.model == row.model,
        col(prediction.seq) > int(row.details.get("after", 0)),
        prediction.arm == traffic.CANDIDATE,
        prediction.version == row.candidate,
    )
    return session.exec(query.order_by(col(prediction.seq).desc()).limit(1)).first()
