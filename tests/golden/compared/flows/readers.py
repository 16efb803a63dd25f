# Compiled by headrace from model/readers. Change the spec, then run `headrace compile`.
"""model/readers. Owner: shop."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Candidate,
    Decide,
    Difference,
    Experiment,
    Measure,
    Minimum,
    Number,
    Primary,
    Progress,
    Rows,
    Target,
    TimeSplit,
    Verdict,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="readers",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(hours=12)),
        inputs=[Number("pages", column="pages", low=0.0, high=1000.0)],
        split=TimeSplit(holdout=timedelta(weeks=4), gap=timedelta(hours=36)),
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


@flow(name="readers-train", flow_run_name="readers train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/readers as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.readers"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="readers", cause=cause)


@flow(name="readers-judge", flow_run_name="readers judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/readers by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.readers"},
        payload=verdict.payload,
    )


@task(name="experiment", persist_result=True, result_serializer="json")
def experiment(cause: str | None) -> Progress:
    """Look once at the experiment: begin it, go on, promote, keep or roll back."""
    return steps.experiment.advance(
        Experiment(
            arms={"candidate": 0.5, "champion": 0.5},
            unit="visit_id",
            primary=[Primary(metric="pages_read", detect=Difference(value=0.05, relative=True), mean=4.5, deviation=3.0)],
            lasts=timedelta(weeks=4),
            coverage=0.6,
            layer="shop",
            holdout=0.05,
            design="group_sequential",
            alpha=0.05,
            power=0.8,
            looks=timedelta(days=1),
            delay=timedelta(hours=12),
            decide=Decide(win="promote", lose="rollback", guardrail="rollback", at_end="rollback"),
            measures=[Measure(name="pages_read", kind="mean", better="higher", of="pages", winsorize=0.999, covariate="pages")],
        ),
        model="readers",
        cause=cause,
    )


@flow(name="readers-roll-out", flow_run_name="readers roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the experiment of model/readers once and announce what came of it."""
    progress = experiment(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.readers"},
        payload=progress.payload,
    )
