# Compiled by headrace from model/agreed. Change the spec, then run `headrace compile`.
"""model/agreed. Owner: shop."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Baseline,
    Candidate,
    Category,
    Maximum,
    Minimum,
    NoWorse,
    Number,
    Progress,
    RandomSplit,
    Rows,
    Slice,
    Target,
    Verdict,
    Waiver,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="agreed",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("pages", column="pages"), Category("region", column="region")],
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
        algorithm="lightgbm.classifier",
        params={},
        seed=0,
        baseline=Baseline(algorithm="sklearn.logistic_regression", params={}),
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        Minimum(
            id="quality",
            metric="roc_auc",
            min=0.7,
            proven=True,
            confidence=0.95,
            slices=[Slice(by="region", min_rows=200), Slice(where="pages > 3", min_rows=100)],
        ),
        NoWorse(id="better", metric="roc_auc", versus="baseline", better_by_at_least=0.01, confidence=0.95, test="delong"),
        Maximum(id="fair", metric="demographic_parity_difference", max=0.1, by="region", min_group=100, mode="warn"),
        Minimum(
            id="robust",
            metric="noise_robustness",
            min=0.7,
            waive=Waiver(by="ana@example.com", reason="the sensors are replaced in spring", until="2030-03-31"),
        ),
    )


@flow(name="agreed-train", flow_run_name="agreed train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/agreed as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.evidenced.agreed"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="agreed", cause=cause)


@flow(name="agreed-judge", flow_run_name="agreed judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/agreed by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.evidenced.agreed"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="agreed", cause=cause)


@flow(name="agreed-roll-out", flow_run_name="agreed roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/agreed its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.evidenced.agreed"},
        payload=progress.payload,
    )
