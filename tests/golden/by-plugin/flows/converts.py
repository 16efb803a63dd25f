# Compiled by headrace from model/converts. Change the spec, then run `headrace compile`.
"""model/converts. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Bake,
    ByPlugin,
    Canary,
    Candidate,
    Judge,
    Minimum,
    NoData,
    Number,
    Progress,
    RandomSplit,
    Rows,
    Step,
    Target,
    Verdict,
    Warmup,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="converts",
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


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="sklearn.logistic_regression", params={}, seed=0)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        Minimum(id="quality", metric="roc_auc", min=0.7),
        ByPlugin(id="tells-apart", gate="prediction_spread"),
        ByPlugin(id="steady", gate="decision_changes", params={"max": "5%"}, mode="warn"),
    )


@flow(name="converts-train", flow_run_name="converts train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/converts as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small.converts"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="converts", cause=cause)


@flow(name="converts-judge", flow_run_name="converts judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/converts by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small.converts"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Look at the rollout once: begin it, raise it, hold it, promote the candidate or roll it back."""
    return steps.rollout.advance(
        Canary(
            unit="visit_id",
            steps=[
                Step(weight=0.1, hold=timedelta(days=2)),
                Step(weight=0.3, hold=timedelta(days=2)),
                Step(weight=0.5, hold=timedelta(days=2)),
            ],
            judge=[Judge(metric="error_rate", promote_below=2.0, negligible=0.005)],
            false_rollback=0.05,
            false_promotion=0.05,
            when_undecided="rollback",
            warmup=Warmup(requests=200, time=timedelta(minutes=1)),
            no_data=NoData(after=timedelta(seconds=30), then="hold", deadline=timedelta(hours=2)),
            bake=Bake(time=timedelta(days=1), holdback=0.1),
        ),
        model="converts",
        cause=cause,
    )


@flow(name="converts-roll-out", flow_run_name="converts roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the rollout of model/converts once and announce what came of it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.small.converts"},
        payload=progress.payload,
    )
