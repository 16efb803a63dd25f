# Compiled by headrace from model/orders. Change the spec, then run `headrace compile`.
"""model/orders. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import Candidate, Minimum, Number, Progress, RandomSplit, Rows, Target, Verdict


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="orders",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("pages", column="pages")],
        split=RandomSplit(holdout=0.2),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="clean-up", persist_result=True, result_serializer="json")
def clean_up(rows: Rows) -> Rows:
    """The rows as shop.steps:clean_up leaves them; held-out rows stay as they are."""
    return steps.custom.call(rows, id="clean-up", python="shop.steps:clean_up")


@task(name="steps", timeout_seconds=600, persist_result=True, result_serializer="json")
def steps_(rows: Rows) -> Rows:
    """The rows as shop.steps:balance leaves them; held-out rows stay as they are."""
    return steps.custom.call(rows, id="steps", python="shop.steps:balance", params={"share": 0.3})


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="sklearn.logistic_regression", params={}, seed=0)


@task(name="class", persist_result=True, result_serializer="json")
def class_(candidate: Candidate) -> Candidate:
    """The candidate, once shop.checks:by_hand has looked at it."""
    return steps.custom.call(candidate, id="class", python="shop.checks:by_hand")


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="orders-train", flow_run_name="orders train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/orders as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(class_(training(steps_(clean_up(features(as_of, cause))))))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small.orders"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="orders", cause=cause)


@flow(name="orders-judge", flow_run_name="orders judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/orders by the gates as they are now, and announce the verdict."""
    verdict = gates(class_(newest(cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small.orders"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="orders", cause=cause)


@flow(name="orders-roll-out", flow_run_name="orders roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/orders its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.small.orders"},
        payload=progress.payload,
    )
