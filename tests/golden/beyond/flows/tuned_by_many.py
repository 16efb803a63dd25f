# Compiled by headrace from model/tuned-by-many. Change the spec, then run `headrace compile`.
"""model/tuned-by-many. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Candidate,
    IntRange,
    Maximize,
    Minimum,
    Number,
    Progress,
    Pruner,
    RandomSplit,
    Rows,
    Sampler,
    Scored,
    Search,
    Searching,
    StratifiedFolds,
    Target,
    Tuned,
    Verdict,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="tuned-by-many",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("pages", view="visit")],
        split=RandomSplit(holdout=0.2),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="search", persist_result=False)
def search(rows: Rows) -> Searching:
    """What is searched, and when the time for it is over."""
    return steps.training.search(
        rows,
        algorithm="lightgbm.classifier",
        params={},
        seed=0,
        cv=StratifiedFolds(folds=3),
        search=Search(
            trials=40,
            timeout=timedelta(minutes=20),
            objectives=[Maximize("roc_auc")],
            space={"num_leaves": IntRange(7, 63, log=True)},
            sampler=Sampler(by="tpe", seed=0),
            pruner=Pruner(by="median"),
            workers=1,
        ),
        drivers=2,
    )


@task(name="trials", persist_result=False)
def trials(searching: Searching, driver: int) -> int:
    """One trial after another, until none is left or the time is over; how many."""
    return steps.training.trials(searching, driver)


@task(name="best", persist_result=True, result_serializer="json")
def best(searching: Searching, ended: list[int]) -> Tuned:
    """The best of all trials, and every trial with it."""
    return steps.training.best(searching, ended)


@flow(name="tuned-by-many-tune", flow_run_name="tuned by many tune", task_runner=steps.runner.dask(workers=2))
def tune(rows: Rows) -> Tuned:
    """The parameters that do best on folds of the training side; training with them is the step that repeats itself."""
    searching = search(rows)
    running = trials.map(searching, driver=range(2))
    return best(searching, running.result(timeout=1320))


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows, tuned: Tuned) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(rows, algorithm="lightgbm.classifier", params={}, seed=0, tuned=tuned)


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="tuned-by-many-train", flow_run_name="tuned by many train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/tuned-by-many as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    rows = features(as_of, cause)
    verdict = gates(training(rows, tune(rows)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.beyond.tuned-by-many"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="tuned-by-many", cause=cause)


@flow(name="tuned-by-many-judge", flow_run_name="tuned by many judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/tuned-by-many by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.beyond.tuned-by-many"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="tuned-by-many", cause=cause)


@flow(name="tuned-by-many-roll-out", flow_run_name="tuned by many roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/tuned-by-many its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.beyond.tuned-by-many"},
        payload=progress.payload,
    )


@task(name="score", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def score_nightly(cause: str | None) -> Scored:
    """Every row of source/visits once, by the champion; a run that was killed goes on where it was."""
    return steps.batch.score(
        batch="nightly",
        model="tuned-by-many",
        source="visits",
        key="visit_id",
        inputs=[Number("pages", view="visit")],
        path="out/{date}.parquet",
        entity="visit_id",
        max_bad=0.01,
        chunk=100000,
        workers=2,
        runner=steps.runner.dask(workers=2),
        cause=cause,
        told=steps.batch.shown(
            create_progress_artifact,
            update_progress_artifact,
            key="tuned-by-many-nightly",
            description="Rows of source/visits that batch/nightly scored.",
        ),
    )


@flow(name="tuned-by-many-batch-nightly", flow_run_name="tuned by many batch nightly")
def batch_nightly(cause: str | None = None) -> None:
    """Score the rows of batch/nightly."""
    score_nightly(cause)
