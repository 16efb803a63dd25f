# Compiled by headrace from model/random. Change the spec, then run `headrace compile`.
"""model/random. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import Alerts, Candidate, Category, Minimum, Progress, RandomSplit, Rows, Target, Verdict, Windows


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="random",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Category("land", column="country")],
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


@flow(name="random-train", flow_run_name="random train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/random as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.random"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="random", cause=cause)


@flow(name="random-judge", flow_run_name="random judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/random by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.random"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="random", cause=cause)


@flow(name="random-roll-out", flow_run_name="random roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/random its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shop.random"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(model="random", window=1000, every=timedelta(days=1), delay=timedelta(days=1), cause=cause)


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(windows)


@flow(name="random-monitor", flow_run_name="random monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/random once, and alert."""
    alerts(monitoring(cause))
