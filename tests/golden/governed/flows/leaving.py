# Compiled by headrace from model/leaving. Change the spec, then run `headrace compile`.
"""model/leaving. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import Candidate, Minimum, Number, Progress, RandomSplit, Rows, Target, Verdict


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/people, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="leaving",
        source="people",
        entity="person_id",
        time="seen_at",
        target=Target(column="left", delay=timedelta(days=30)),
        inputs=[Number("age", column="age", low=0.0, high=120.0)],
        split=RandomSplit(holdout=0.2),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="sklearn.logistic_regression", params={}, seed=0)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="leaving-train", flow_run_name="leaving train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/leaving as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.governed@production.leaving"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="leaving", cause=cause)


@flow(name="leaving-judge", flow_run_name="leaving judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/leaving by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.governed@production.leaving"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="leaving", cause=cause)


@flow(name="leaving-roll-out", flow_run_name="leaving roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/leaving its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.governed@production.leaving"},
        payload=progress.payload,
    )
