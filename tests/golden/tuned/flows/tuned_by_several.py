# Compiled by headrace from model/tuned-by-several. Change the spec, then run `headrace compile`.
"""model/tuned-by-several. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Candidate,
    EarlyStopping,
    GroupFolds,
    IntRange,
    Maximize,
    Minimize,
    Minimum,
    Number,
    Progress,
    Rows,
    Sampler,
    Search,
    Target,
    TimeSplit,
    Tuned,
    Verdict,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="tuned-by-several",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("pages", column="pages")],
        split=TimeSplit(holdout=timedelta(weeks=4), gap=timedelta(days=1)),
        seed=0,
        as_of=as_of,
        cause=cause,
    )


@task(name="tune", persist_result=True, result_serializer="json")
def tune(rows: Rows) -> Tuned:
    """The parameters that do best on folds of the training side; training with them is the step that repeats itself."""
    return steps.training.tune(
        rows,
        algorithm="lightgbm.classifier",
        params={},
        seed=0,
        cv=GroupFolds(folds=4, group="visit_id"),
        early_stopping=EarlyStopping(rounds=50, share=0.1, newest=True),
        search=Search(
            trials=20,
            timeout=timedelta(hours=2),
            objectives=[Maximize("roc_auc"), Maximize("accuracy"), Minimize("log_loss")],
            space={"num_leaves": IntRange(7, 63)},
            sampler=Sampler(by="nsga2", seed=7),
            workers=1,
            choose="ideal",
        ),
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows, tuned: Tuned) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(
        rows,
        algorithm="lightgbm.classifier",
        params={},
        seed=0,
        cv=GroupFolds(folds=4, group="visit_id"),
        early_stopping=EarlyStopping(rounds=50, share=0.1, newest=True),
        tuned=tuned,
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="tuned-by-several-train", flow_run_name="tuned by several train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/tuned-by-several as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    rows = features(as_of, cause)
    verdict = gates(training(rows, tune(rows)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-several"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="tuned-by-several", cause=cause)


@flow(name="tuned-by-several-judge", flow_run_name="tuned by several judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/tuned-by-several by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-several"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="tuned-by-several", cause=cause)


@flow(name="tuned-by-several-roll-out", flow_run_name="tuned by several roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/tuned-by-several its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-several"},
        payload=progress.payload,
    )
