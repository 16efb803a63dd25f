# Compiled by headrace from model/lapse. Change the spec, then run `headrace compile`.
"""model/lapse. Owner: shop."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.events import emit_event

from headrace import steps
from headrace.steps import Candidate, Category, Minimum, Number, Progress, RandomSplit, Rows, Scored, Target, Verdict


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/asks, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="lapse",
        source="asks",
        entity="household_id",
        time="asked_at",
        target=Target(column="lapsed", delay=timedelta(days=30)),
        inputs=[
            Category("channel", column="channel"),
            Number("amount_before", view="basket"),
            Number("amount_week_ago", view="basket"),
            Number("deli", view="basket"),
            Number("departments_90d", view="basket"),
            Category("last_department", view="basket"),
            Number("least", view="basket"),
            Number("most", view="basket"),
            Number("newest_amount", view="basket"),
            Number("per_trip", view="basket"),
            Number("recency", view="basket"),
            Number("spend_28d", view="basket"),
            Number("spread", view="basket"),
            Number("trips_28d", view="basket"),
            Number("usual", view="basket"),
        ],
        split=RandomSplit(holdout=0.2),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="lightgbm.classifier", params={}, seed=0)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="lapse-train", flow_run_name="lapse train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/lapse as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.lapse"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="lapse", cause=cause)


@flow(name="lapse-judge", flow_run_name="lapse judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/lapse by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shop.lapse"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="lapse", cause=cause)


@flow(name="lapse-roll-out", flow_run_name="lapse roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/lapse its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shop.lapse"},
        payload=progress.payload,
    )


@task(name="score", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def score_nightly(cause: str | None) -> Scored:
    """Every row of source/asks once, by the champion; a run that was killed goes on where it was."""
    return steps.batch.score(
        batch="nightly",
        model="lapse",
        source="asks",
        key="household_id",
        inputs=[
            Category("channel", column="channel"),
            Number("amount_before", view="basket"),
            Number("amount_week_ago", view="basket"),
            Number("deli", view="basket"),
            Number("departments_90d", view="basket"),
            Category("last_department", view="basket"),
            Number("least", view="basket"),
            Number("most", view="basket"),
            Number("newest_amount", view="basket"),
            Number("per_trip", view="basket"),
            Number("recency", view="basket"),
            Number("spend_28d", view="basket"),
            Number("spread", view="basket"),
            Number("trips_28d", view="basket"),
            Number("usual", view="basket"),
        ],
        path="out/{date}.parquet",
        entity="household_id",
        max_bad=0.01,
        chunk=100000,
        workers=1,
        cause=cause,
        told=steps.batch.shown(
            create_progress_artifact,
            update_progress_artifact,
            key="lapse-nightly",
            description="Rows of source/asks that batch/nightly scored.",
        ),
    )


@flow(name="lapse-batch-nightly", flow_run_name="lapse batch nightly")
def batch_nightly(cause: str | None = None) -> None:
    """Score the rows of batch/nightly: the letters of tomorrow"""
    score_nightly(cause)


@task(name="score", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def score_on_demand(cause: str | None) -> Scored:
    """Every row of source/asks once, by the champion; a run that was killed goes on where it was."""
    return steps.batch.score(
        batch="on-demand",
        model="lapse",
        source="asks",
        key="household_id",
        inputs=[
            Category("channel", column="channel"),
            Number("amount_before", view="basket"),
            Number("amount_week_ago", view="basket"),
            Number("deli", view="basket"),
            Number("departments_90d", view="basket"),
            Category("last_department", view="basket"),
            Number("least", view="basket"),
            Number("most", view="basket"),
            Number("newest_amount", view="basket"),
            Number("per_trip", view="basket"),
            Number("recency", view="basket"),
            Number("spend_28d", view="basket"),
            Number("spread", view="basket"),
            Number("trips_28d", view="basket"),
            Number("usual", view="basket"),
        ],
        path="s3://shop/lapse.csv",
        entity="household_id",
        overwrite=True,
        duplicates="first",
        max_bad=0.0,
        chunk=5000,
        workers=4,
        cause=cause,
        told=steps.batch.shown(
            create_progress_artifact,
            update_progress_artifact,
            key="lapse-on-demand",
            description="Rows of source/asks that batch/on-demand scored.",
        ),
    )


@flow(name="lapse-batch-on-demand", flow_run_name="lapse batch on demand")
def batch_on_demand(cause: str | None = None) -> None:
    """Score the rows of batch/on-demand."""
    score_on_demand(cause)
