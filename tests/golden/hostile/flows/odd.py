# Compiled by headrace from model/odd. Change the spec, then run `headrace compile`.
"""model/odd: "\u0022" + __import__('os').system('true') + "\u0022" \u005cN{DIGIT ONE} \u005c"... Owner: "\u0022" import os # noqa."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import Alert, Alerts, Candidate, Minimum, Number, Performance, Progress, RandomSplit, Rows, Target, Verdict, Windows


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/visits, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="odd",
        source="visits",
        entity="visit_id",
        time="seen_at",
        target=Target(column="bought", delay=timedelta(days=1)),
        inputs=[Number("größe", column="größe")],
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
        algorithm="a\")\nraise SystemExit('",
        params={
            "__import__('os')": "{1 + 1}",
            (
                "a key that is longer than a line, since nobody has told its author that it must not be so, and who would have thought "
                "that it could be"
            ): 1,
            "both": 'He said "it\'s"',
            "control": "\u0000\u0001\u001b[31m\u007f\u0085\u00a0\u00ad\u200b\u2028\u202e\u2066\ufeff\U000e0041",
            "f": 'f"{x}"',
            "latin": "Łódź, Größe, \u0131\u017f",
            "long": (
                'A text which is longer than a line of code may be, "quoted" at one place, with a \\ at another, and which goes on for '
                "quite a while, until it is finally over, as all things are."
            ),
            "nested": {"a": {"": None}, 'b"': [1, {"deep": [2.5, {}, []]}]},
            "none": "",
            "of_all_kinds": [0.1, 1e16, 1e-07, -0.0, -5, True, None],
            "triple": "\"\"\"'''",
        },
        seed=0,
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(candidate, Minimum(id="quality", metric='roc_auc")  # type: ignore', min=0.7))


@flow(name="odd-train", flow_run_name="odd train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/odd as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.hostile.odd"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="odd", cause=cause)


@flow(name="odd-judge", flow_run_name="odd judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/odd by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.hostile.odd"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Make the newest candidate that passed its gates the champion."""
    return steps.rollout.replace(model="odd", cause=cause)


@flow(name="odd-roll-out", flow_run_name="odd roll out")
def roll_out(cause: str | None = None) -> None:
    """Make the newest candidate of model/odd its champion and announce it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.hostile.odd"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(
        model="odd",
        window=500,
        every=timedelta(days=1),
        delay=timedelta(days=1),
        performance=Performance(metric="roc_auc\\", estimate="none", min_labels=200),
        cause=cause,
    )


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(windows, Alert(id="odd", when='drift.share > 0.1" or "', windows=1, severity="warning", notify=["ops"]))


@flow(name="odd-monitor", flow_run_name="odd monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/odd once, and alert."""
    alerts(monitoring(cause))
