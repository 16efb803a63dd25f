# Compiled by headrace from model/buys-soon. Change the spec, then run `headrace compile`.
"""model/buys-soon. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Alerts,
    Baseline,
    Canary,
    Candidate,
    Category,
    Decision,
    Judge,
    NoData,
    NoWorse,
    Number,
    OnSchedule,
    Performance,
    Progress,
    RandomSplit,
    Rows,
    Step,
    Target,
    Verdict,
    Warmup,
    Windows,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="buys-soon",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[
            Category("land", column="country"),
            Number("seconds", column="seconds", low=0.0, high=86400.0),
            Number("pages", column="pages"),
        ],
        split=RandomSplit(holdout=0.2),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(
        rows,
        algorithm="sklearn.logistic_regression",
        params={},
        seed=0,
        baseline=Baseline(algorithm="sklearn.logistic_regression", params={"c": 0.5}),
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        NoWorse(id="champion", metric="roc_auc", versus="champion", worse_by_at_most=0.0, confidence=0.95, first="baseline"),
    )


@flow(name="buys-soon-train", flow_run_name="buys soon train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/buys-soon as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.buys-soon"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="buys-soon", cause=cause)


@flow(name="buys-soon-judge", flow_run_name="buys soon judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/buys-soon by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.buys-soon"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Look at the rollout once: begin it, raise it, hold it, promote the candidate or roll it back."""
    return steps.rollout.advance(
        Canary(
            unit="visit_id",
            steps=[Step(weight=0.1, hold=timedelta(minutes=90))],
            judge=[Judge(metric="error_rate", promote_below=2.0, negligible=0.005)],
            false_rollback=0.05,
            false_promotion=0.05,
            when_undecided="hold",
            warmup=Warmup(requests=200, time=timedelta(minutes=1)),
            no_data=NoData(after=timedelta(seconds=30), then="hold", deadline=timedelta(hours=2)),
            only={"land": ["de", "fr"], "pages": [1, 2.5]},
        ),
        model="buys-soon",
        cause=cause,
    )


@flow(name="buys-soon-roll-out", flow_run_name="buys soon roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the rollout of model/buys-soon once and announce what came of it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shop.buys-soon"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(
        model="buys-soon",
        window=1000,
        every=timedelta(days=1),
        delay=timedelta(days=1),
        performance=Performance(metric="roc_auc", estimate="none", min_labels=200),
        cause=cause,
    )


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(windows)


@task(name="retraining", persist_result=True, result_serializer="json")
def retraining(alerts: Alerts) -> Decision:
    """Whether a new candidate is worth its cost now."""
    return steps.retraining.decide(
        alerts,
        OnSchedule(id="weekly", cron="0 3 * * 1", cooldown=timedelta(hours=36), new_labels=0),
        OnSchedule(id="monthly", cron="0 3 1 * *", cooldown=timedelta(days=1), new_labels=100),
    )


@flow(name="buys-soon-monitor", flow_run_name="buys soon monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/buys-soon once, alert, and announce a retraining that is due; the training starts by that event."""
    decision = retraining(alerts(monitoring(cause)))
    if decision.passed:
        emit_event(
            event=decision.event,
            id=UUID(decision.event_id),
            resource={"prefect.resource.id": "headrace.shop.buys-soon"},
            payload=decision.payload,
        )
