# Compiled by headrace from model/shelf-later. Change the spec, then run `headrace compile`.
"""model/shelf-later. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Candidate,
    Category,
    IntRange,
    Maximize,
    Minimum,
    Number,
    Progress,
    Pruner,
    Rows,
    Sampler,
    Scored,
    Search,
    Target,
    TimeFolds,
    TimeSplit,
    Tuned,
    Verdict,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/shown, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="shelf-later",
        source="shown",
        entity="offer_id",
        time="shown_at",
        target=Target(column="interest", delay=timedelta(days=1)),
        inputs=[Category("brand", column="brand"), Number("price", column="price")],
        split=TimeSplit(holdout=timedelta(weeks=1), gap=timedelta(days=1)),
        seed=0,
        task="ranking",
        group="query_id",
        as_of=as_of,
        cause=cause,
    )


@task(name="tune", persist_result=True, result_serializer="json")
def tune(rows: Rows) -> Tuned:
    """The parameters that do best on folds of the training side; training with them is the step that repeats itself."""
    return steps.training.tune(
        rows,
        algorithm="lightgbm.ranker",
        params={},
        seed=0,
        cv=TimeFolds(folds=3, gap=timedelta(days=1)),
        search=Search(
            trials=10,
            timeout=timedelta(hours=2),
            objectives=[Maximize("ndcg")],
            space={"num_leaves": IntRange(7, 63)},
            sampler=Sampler(by="tpe", seed=0),
            pruner=Pruner(by="median"),
            workers=1,
        ),
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows, tuned: Tuned) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="lightgbm.ranker", params={}, seed=0, tuned=tuned)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="mrr", min=0.5))


@flow(name="shelf-later-train", flow_run_name="shelf later train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/shelf-later as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    rows = features(as_of, cause)
    verdict = gates(training(rows, tune(rows)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf-later"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="shelf-later", cause=cause)


@flow(name="shelf-later-judge", flow_run_name="shelf later judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/shelf-later by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf-later"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="shelf-later", cause=cause)


@flow(name="shelf-later-roll-out", flow_run_name="shelf later roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/shelf-later its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.shelves.shelf-later"},
        payload=progress.payload,
    )


@task(name="score", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def score_kept(cause: str | None) -> Scored:
    """Every row of source/shown once, by the champion; a run that was killed goes on where it was."""
    return steps.batch.score(
        batch="kept",
        model="shelf-later",
        source="shown",
        key="offer_id",
        inputs=[Category("brand", column="brand"), Number("price", column="price")],
        path="env:SCORES",
        table="public.scores",
        group="query_id",
        max_bad=0.01,
        chunk=100000,
        workers=1,
        cause=cause,
        told=steps.batch.shown(
            create_progress_artifact,
            update_progress_artifact,
            key="shelf-later-kept",
            description="Rows of source/shown that batch/kept scored.",
        ),
    )


@flow(name="shelf-later-batch-kept", flow_run_name="shelf later batch kept")
def batch_kept(cause: str | None = None) -> None:
    """Score the rows of batch/kept."""
    score_kept(cause)
