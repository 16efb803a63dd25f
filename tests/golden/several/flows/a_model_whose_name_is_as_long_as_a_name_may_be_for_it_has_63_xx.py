# Compiled by headrace from model/a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx.
# Change the spec, then run `headrace compile`.
"""model/a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx. Owner: none."""

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
        model="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("pages", column="pages"), Number("seconds", column="seconds", low=0.0, high=86400.0)],
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
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.5))


@flow(
    name="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx-train",
    flow_run_name="a model whose name is as long as a name may be for it has 63 xx train",
)
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx as of a moment (now, if none) and announce the verd..."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx", cause=cause)


@flow(
    name="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx-judge",
    flow_run_name="a model whose name is as long as a name may be for it has 63 xx judge",
)
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx by the gates as they are now,..."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx", cause=cause)


@flow(
    name="a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx-roll-out",
    flow_run_name="a model whose name is as long as a name may be for it has 63 xx roll out",
)
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shop.a-model-whose-name-is-as-long-as-a-name-may-be-for-it-has-63-xx"},
        payload=progress.payload,
    )
