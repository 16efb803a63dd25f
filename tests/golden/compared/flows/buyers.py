# Compiled by headrace from model/buyers. Change the spec, then run `headrace compile`.
"""model/buyers: Who buys. Owner: shop."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Canary,
    Candidate,
    Category,
    Decide,
    Difference,
    Experiment,
    Guardrail,
    Judge,
    Measure,
    Minimum,
    NoData,
    Number,
    Primary,
    Progress,
    Rows,
    Step,
    Target,
    TimeSplit,
    Verdict,
    Warmup,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="buyers",
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
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="buyers-train", flow_run_name="buyers train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/buyers as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.buyers"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="buyers", cause=cause)


@flow(name="buyers-judge", flow_run_name="buyers judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/buyers by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.buyers"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Look once at the rollout until it has passed, then at the experiment: begin it, go on, promote, keep or roll back."""
    return steps.experiment.advance(
        Experiment(
            arms={"candidate": 0.4, "champion": 0.4, "simple": 0.2},
            unit="visit_id",
            primary=[Primary(metric="bought_again", detect=Difference(value=0.01, relative=False), baseline=0.2)],
            lasts=timedelta(weeks=4),
            secondary=["accuracy"],
            guardrails=[Guardrail(metric="error_rate", worse_by_at_most=Difference(value=0.005, relative=False))],
            segments=["country"],
            coverage=0.2,
            layer="shop",
            holdout=0.05,
            design="always_valid",
            alpha=0.04,
            power=0.9,
            looks=timedelta(hours=12),
            delay=timedelta(hours=12),
            decide=Decide(win="keep", lose="rollback", guardrail="rollback", at_end="keep"),
            measures=[Measure(name="bought_again", kind="rate", better="higher", of="order", within=timedelta(weeks=1))],
        ),
        Canary(
            unit="visit_id",
            steps=[Step(weight=0.1, hold=timedelta(days=1))],
            judge=[Judge(metric="error_rate", promote_below=2.0, negligible=0.005)],
            false_rollback=0.05,
            false_promotion=0.05,
            when_undecided="rollback",
            warmup=Warmup(requests=200, time=timedelta(minutes=1)),
            no_data=NoData(after=timedelta(seconds=30), then="hold", deadline=timedelta(hours=2)),
        ),
        model="buyers",
        cause=cause,
    )


@flow(name="buyers-roll-out", flow_run_name="buyers roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the rollout or the experiment of model/buyers once and announce what came of it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.small@staging.buyers"},
        payload=progress.payload,
    )
