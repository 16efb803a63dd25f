# Compiled by headrace from model/returns. Change the spec, then run `headrace compile`.
"""model/returns: Who buys. Owner: shop."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Alert,
    Alerts,
    Candidate,
    Category,
    Drift,
    Maximum,
    Minimum,
    Number,
    Progress,
    Rows,
    Target,
    TimeSplit,
    Verdict,
    Windows,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="returns",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(hours=12)),
        inputs=[Category("country", column="country"), Number("pages", column="pages", low=0.0, high=1000.0)],
        split=TimeSplit(holdout=timedelta(weeks=4), gap=timedelta(hours=36)),
        seed=3,
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=5400, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="sklearn.logistic_regression", params={"c": 1e-05}, seed=3)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        Minimum(id="quality", metric="roc_auc", min=0.7, mode="warn"),
        Maximum(id="fast", metric="latency_p99", max=1.5, mode="warn"),
        Maximum(id="fair", metric="equalized_odds_difference", max=0.2, by="country", min_group=50),
    )


@flow(name="returns-train", flow_run_name="returns train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/returns as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.returns"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="returns", cause=cause)


@flow(name="returns-judge", flow_run_name="returns judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/returns by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.returns"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="returns", cause=cause)


@flow(name="returns-roll-out", flow_run_name="returns roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/returns its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.returns"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(
        model="returns",
        window=500,
        every=timedelta(days=1),
        delay=timedelta(hours=12),
        drift=Drift(features=["pages"], method="psi", warning=0.1, critical=0.25),
        cause=cause,
    )


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(windows, Alert(id="drifting", when="drift.max > 0.3", windows=3, severity="info", notify=["people"]))


@flow(name="returns-monitor", flow_run_name="returns monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/returns once, and alert."""
    alerts(monitoring(cause))
