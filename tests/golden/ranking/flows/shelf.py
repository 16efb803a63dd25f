# Compiled by headrace from model/shelf. Change the spec, then run `headrace compile`.
"""model/shelf. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Alerts,
    Canary,
    Candidate,
    Category,
    Drift,
    EarlyStopping,
    GroupFolds,
    Judge,
    Maximum,
    Minimum,
    NoData,
    NoWorse,
    Number,
    Progress,
    RandomSplit,
    Rows,
    Scored,
    Step,
    Target,
    Verdict,
    Warmup,
    Windows,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/shown, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="shelf",
        source="shown",
        entity="offer_id",
        time="shown_at",
        target=Target(column="interest", delay=timedelta(days=1)),
        inputs=[Category("brand", column="brand"), Number("price", column="price")],
        split=RandomSplit(holdout=0.2),
        seed=0,
        task="ranking",
        group="query_id",
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(
        rows,
        algorithm="lightgbm.ranker",
        params={"lambdarank_truncation_level": 12, "n_estimators": 200},
        seed=0,
        cv=GroupFolds(folds=3, group="query_id"),
        early_stopping=EarlyStopping(rounds=20, share=0.1),
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        Minimum(id="quality", metric="ndcg", min=0.6, k=10),
        NoWorse(id="useful", metric="ndcg", versus="baseline", worse_by_at_most=0.0, confidence=0.95, k=10),
        NoWorse(id="champion", metric="map", versus="champion", worse_by_at_most=0.01, confidence=0.95, first="baseline"),
        Maximum(id="fast", metric="latency_p99", max=0.04),
    )


@flow(name="shelf-train", flow_run_name="shelf train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/shelf as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="shelf", cause=cause)


@flow(name="shelf-judge", flow_run_name="shelf judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/shelf by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Look at the rollout once: begin it, raise it, hold it, promote the candidate or roll it back."""
    return steps.rollout.advance(
        Canary(
            unit="query_id",
            steps=[Step(weight=0.1, hold=timedelta(hours=6), then="wait"), Step(weight=0.5, hold=timedelta(hours=6))],
            judge=[Judge(metric="error_rate", promote_below=1.5, negligible=0.02)],
            false_rollback=0.05,
            false_promotion=0.05,
            when_undecided="rollback",
            warmup=Warmup(requests=200, time=timedelta(minutes=1)),
            no_data=NoData(after=timedelta(seconds=30), then="hold", deadline=timedelta(hours=2)),
        ),
        model="shelf",
        cause=cause,
    )


@flow(name="shelf-roll-out", flow_run_name="shelf roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the rollout of model/shelf once and announce what came of it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(
        model="shelf",
        window=2000,
        every=timedelta(days=1),
        delay=timedelta(days=1),
        drift=Drift(features="all", method="psi", warning=0.1, critical=0.25),
        cause=cause,
    )


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(windows)


@flow(name="shelf-monitor", flow_run_name="shelf monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/shelf once, and alert."""
    alerts(monitoring(cause))


@task(name="score", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def score_page(cause: str | None) -> Scored:
    """Every row of source/shown once, by the champion; a run that was killed goes on where it was."""
    return steps.batch.score(
        batch="page",
        model="shelf",
        source="shown",
        key="offer_id",
        inputs=[Category("brand", column="brand"), Number("price", column="price")],
        path="out/{date}.parquet",
        group="query_id",
        max_bad=0.01,
        chunk=100000,
        workers=1,
        cause=cause,
        told=steps.batch.shown(
            create_progress_artifact,
            update_progress_artifact,
            key="shelf-page",
            description="Rows of source/shown that batch/page scored.",
        ),
    )


@flow(name="shelf-batch-page", flow_run_name="shelf batch page")
def batch_page(cause: str | None = None) -> None:
    """Score the rows of batch/page."""
    score_page(cause)
