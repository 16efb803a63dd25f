# Compiled by headrace from model/employment. Change the spec, then run `headrace compile`.
"""model/employment: Is this person employed? US Census (ACS), Massachusetts. Owner: labour-statistics."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow, task
from prefect.events import emit_event

from headrace import steps
from headrace.steps import (
    Alert,
    Alerts,
    Baseline,
    ByPlugin,
    Canary,
    Candidate,
    Category,
    Decision,
    Drift,
    Judge,
    Maximum,
    Minimum,
    NoData,
    NoWorse,
    Number,
    OnAlert,
    Performance,
    Progress,
    RandomSplit,
    Rows,
    Slice,
    Step,
    Target,
    Verdict,
    Warmup,
    Windows,
)


@task(name="features", retries=2, retry_delay_seconds=10, retry_condition_fn=steps.again, persist_result=True, result_serializer="json")
def features(as_of: datetime | None, cause: str | None) -> Rows:
    """Rows of source/census, and the journalled ones whose answers are known by then."""
    return steps.features.training_rows(
        model="employment",
        source="census",
        entity="person_id",
        time="surveyed_at",
        target=Target(column="employed", delay=timedelta(days=30)),
        inputs=[
            Number("age", column="age", low=0.0, high=120.0),
            Category("ancestry", column="ancestry"),
            Category("citizenship", column="citizenship"),
            Category("disability", column="disability"),
            Category("education", column="education"),
            Category("hearing", column="hearing"),
            Category("marital", column="marital"),
            Category("memory", column="memory"),
            Category("military", column="military"),
            Category("mobility", column="mobility"),
            Category("nativity", column="nativity"),
            Category("parents_employment", column="parents_employment"),
            Category("race", column="race"),
            Category("relationship", column="relationship"),
            Category("sex", column="sex"),
            Category("vision", column="vision"),
        ],
        split=RandomSplit(holdout=0.2, stratify="target"),
        seed=7,
        as_of=as_of,
        cause=cause,
    )


@task(name="training", timeout_seconds=7200, persist_result=True, result_serializer="json")
def training(rows: Rows) -> Candidate:
    """One candidate, with its evaluation on the held-out rows."""
    return steps.training.train(
        rows,
        algorithm="lightgbm.classifier",
        params={"learning_rate": 0.05, "n_estimators": 200, "num_leaves": 31},
        seed=7,
        baseline=Baseline(algorithm="sklearn.logistic_regression", params={}),
    )


@task(name="gates", persist_result=True, result_serializer="json")
def gates(candidate: Candidate) -> Verdict:
    """Whether the candidate may go on, and why."""
    return steps.gates.judge(
        candidate,
        Minimum(id="quality", metric="roc_auc", min=0.85, proven=True, confidence=0.95),
        NoWorse(id="useful", metric="roc_auc", versus="baseline", better_by_at_least=0.01, confidence=0.95, test="delong"),
        NoWorse(id="champion", metric="roc_auc", versus="champion", worse_by_at_most=0.005, confidence=0.95, first="pass"),
        Maximum(id="honest", metric="expected_calibration_error", max=0.05),
        Minimum(
            id="everywhere",
            metric="roc_auc",
            min=0.7,
            slices=[Slice(by="sex", min_rows=500), Slice(by="race", min_rows=200), Slice(where="age >= 65", min_rows=100)],
        ),
        Maximum(id="fair", metric="equalized_odds_difference", max=0.12, by="sex", min_group=100),
        Maximum(id="fair-by-race", metric="equal_opportunity_difference", max=0.2, by="race", min_group=200),
        Maximum(id="fair-by-disability", metric="equal_opportunity_difference", max=0.2, by="disability", min_group=100, mode="warn"),
        ByPlugin(id="robust", gate="robustness", params={"each": 0.5, "min": 0.7}),
        ByPlugin(id="closed", gate="security", params={"membership": "10%"}),
        ByPlugin(id="clean", gate="leakage", params={"alone": 0.95}),
        ByPlugin(id="as-ever", gate="golden", params={"file": "specs/golden/employment.json"}),
        ByPlugin(id="shown", gate="controls", params={"catalogue": "eu-ai-act", "unknown": "allow"}, mode="warn"),
        Maximum(id="fast", metric="latency_p99", max=0.04),
    )


@flow(name="employment-train", flow_run_name="employment train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    """Train model/employment as of a moment (now, if none) and announce the verdict; a rollout starts by that event."""
    verdict = gates(training(features(as_of, cause)))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.labour.employment"},
        payload=verdict.payload,
    )


@task(name="newest", persist_result=True, result_serializer="json")
def newest(cause: str | None) -> Candidate:
    """The newest version as it was registered: nothing is trained."""
    return steps.gates.newest(model="employment", cause=cause)


@flow(name="employment-judge", flow_run_name="employment judge")
def judge(cause: str | None = None) -> None:
    """Judge the newest version of model/employment by the gates as they are now, and announce the verdict."""
    verdict = gates(newest(cause))
    emit_event(
        event=verdict.event,
        id=UUID(verdict.event_id),
        resource={"prefect.resource.id": "headrace.labour.employment"},
        payload=verdict.payload,
    )


@task(name="rollout", persist_result=True, result_serializer="json")
def rollout(cause: str | None) -> Progress:
    """Look at the rollout once: begin it, raise it, hold it, promote the candidate or roll it back."""
    return steps.rollout.advance(
        Canary(
            unit="person_id",
            steps=[Step(weight=0.2, hold=timedelta(weeks=2)), Step(weight=0.5, hold=timedelta(weeks=8))],
            judge=[
                Judge(metric="error_rate", promote_below=2.0, negligible=0.02, ceiling=0.05),
                Judge(metric="slow_request", over=timedelta(milliseconds=250), promote_below=2.0, negligible=0.02),
            ],
            false_rollback=0.05,
            false_promotion=0.05,
            when_undecided="rollback",
            warmup=Warmup(requests=20, time=timedelta(minutes=1)),
            no_data=NoData(after=timedelta(weeks=1), then="hold", deadline=timedelta(weeks=6)),
        ),
        model="employment",
        cause=cause,
    )


@flow(name="employment-roll-out", flow_run_name="employment roll out")
def roll_out(cause: str | None = None) -> None:
    """Look at the rollout of model/employment once and announce what came of it."""
    progress = rollout(cause)
    emit_event(
        event=progress.event,
        id=UUID(progress.event_id),
        resource={"prefect.resource.id": "headrace.labour.employment"},
        payload=progress.payload,
    )


@task(name="monitoring", persist_result=True, result_serializer="json")
def monitoring(cause: str | None) -> Windows:
    """Drift and performance of the windows that are full."""
    return steps.monitoring.measure(
        model="employment",
        window=2000,
        every=timedelta(weeks=8),
        delay=timedelta(days=30),
        drift=Drift(features="all", method="psi", warning=0.1, critical=0.25),
        performance=Performance(metric="roc_auc", estimate="cbpe", min_labels=200),
        cause=cause,
    )


@task(name="alerts", persist_result=True, result_serializer="json")
def alerts(windows: Windows) -> Alerts:
    """Which alerts fire, and which are over."""
    return steps.monitoring.alert(
        windows,
        Alert(id="drifting", when="drift.share > 0.05", windows=1, severity="warning", notify=["ml-log"]),
        Alert(id="degraded", when="performance.roc_auc < 0.88", windows=1, severity="critical", notify=["ml-log", "ml-team"]),
    )


@task(name="retraining", persist_result=True, result_serializer="json")
def retraining(alerts: Alerts) -> Decision:
    """Whether a new candidate is worth its cost now."""
    return steps.retraining.decide(alerts, OnAlert(id="degraded", alert="degraded", cooldown=timedelta(weeks=12), new_labels=2000))


@flow(name="employment-monitor", flow_run_name="employment monitor")
def monitor(cause: str | None = None) -> None:
    """Look at model/employment once, alert, and announce a retraining that is due; the training starts by that event."""
    decision = retraining(alerts(monitoring(cause)))
    if decision.passed:
        emit_event(
            event=decision.event,
            id=UUID(decision.event_id),
            resource={"prefect.resource.id": "headrace.labour.employment"},
            payload=decision.payload,
        )
