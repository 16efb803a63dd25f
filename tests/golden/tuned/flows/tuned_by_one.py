# Compiled by headrace from model/tuned-by-one. Change the spec, then run `headrace compile`.
"""model/tuned-by-one. Owner: none."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Calibrate,
    Candidate,
    Choice,
    EarlyStopping,
    FloatRange,
    IntRange,
    Maximize,
    Minimum,
    Number,
    Progress,
    Pruner,
    RandomSplit,
    Rows,
    Sampler,
    Search,
    StratifiedFolds,
    Target,
    Tuned,
    Verdict,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="tuned-by-one",
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


@task(name="clean", persist_result=True, result_serializer="json")
def clean(rows: Rows) -> Rows:
    """The rows as visiting.steps:clean leaves them; held-out rows stay as they are."""
    return steps.custom.call(rows, id="clean", python="visiting.steps:clean")


@task(name="tune", persist_result=True, result_serializer="json")
def tune(rows: Rows) -> Tuned:
    """The parameters that do best on folds of the training side; training with them is the step that repeats itself."""
    return steps.training.tune(
        rows,
        algorithm="lightgbm.classifier",
        params={"n_estimators": 200},
        seed=0,
        cv=StratifiedFolds(folds=3),
        early_stopping=EarlyStopping(rounds=20, share=0.1),
        calibrate=Calibrate(method="sigmoid", share=0.15),
        search=Search(
            trials=40,
            timeout=timedelta(minutes=20),
            objectives=[Maximize("roc_auc")],
            space={
                "learning_rate": FloatRange(0.01, 0.3, log=True),
                "min_child_samples": Choice([5, 20, 100]),
                "num_leaves": IntRange(7, 63, log=True),
            },
            sampler=Sampler(by="tpe", seed=0),
            pruner=Pruner(by="median"),
            workers=2,
        ),
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows, tuned: Tuned) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(
        rows,
        algorithm="lightgbm.classifier",
        params={"n_estimators": 200},
        seed=0,
        cv=StratifiedFolds(folds=3),
        early_stopping=EarlyStopping(rounds=20, share=0.1),
        calibrate=Calibrate(method="sigmoid", share=0.15),
        tuned=tuned,
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric="roc_auc", min=0.7))


@flow(name="tuned-by-one-train", flow_run_name="tuned by one train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/tuned-by-one as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    rows = clean(features(as_of, cause))
    verdict = gates(training(rows, tune(rows)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-one"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="tuned-by-one", cause=cause)


@flow(name="tuned-by-one-judge", flow_run_name="tuned by one judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/tuned-by-one by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-one"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="tuned-by-one", cause=cause)


@flow(name="tuned-by-one-roll-out", flow_run_name="tuned by one roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/tuned-by-one its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.tuned.tuned-by-one"},
        payload=progress.payload,
    )
