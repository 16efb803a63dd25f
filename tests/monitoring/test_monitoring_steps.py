"""The steps as a generated `monitor` flow calls them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from monitored_world import START

from headrace.monitoring import Alert, Drift, Performance
from headrace.retraining import OnAlert
from headrace.steps import monitoring, retraining
from headrace.store.kinds import RunStatus
from headrace.store.tables import Outbox, Run

DAY = timedelta(days=1)
DRIFTING = Alert(id="drifting", when="drift.share > 5%", windows=1, severity="warning", notify=["ml-log"])


@pytest.fixture
def project(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The world's store as a compiled project."""
    flows = world.store.root / "flows"
    flows.mkdir()
    config = {
        "project": "labour",
        "language": 1,
        "environment": "dev",
        "production": False,
        "store": "sqlite:///state.db",
        "blobs": "blobs",
        "spool": ".headrace/spool",
        "plugins": {"allow": None, "deny": []},
        "sources": {},
        "views": {},
        "models": ["employment"],
        "channels": {"ml-log": {"type": "log", "params": {"path": "alerts.jsonl"}}},
    }
    (flows / "headrace.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(world.store.root))
    world.champion(5000)
    return world


def measure(cause: str | None = None) -> Any:
    return monitoring.measure(
        model="employment", window=500, every=timedelta(weeks=6), drift=Drift(), performance=Performance(metric="roc_auc"), cause=cause
    )


def runs(world: Any) -> list[Run]:
    from sqlmodel import select

    with world.store.read() as session:
        return list(session.exec(select(Run)))


def test_a_monitor_flow_measures_alerts_tells_and_decides(project: Any) -> None:
    project.serve(project.rows(500, shift=12))
    project.drive(START + 60 * DAY)
    decision = retraining.decide(
        monitoring.alert(measure(), DRIFTING), OnAlert(id="drifting", alert="drifting", cooldown=timedelta(weeks=1), new_labels=500)
    )
    (run,) = runs(project)
    line = json.loads((project.store.root / "alerts.jsonl").read_text(encoding="utf-8"))
    assert (True, RunStatus.PASSED, "firing") == (decision.passed, run.status, line["status"])
    assert {"alerts": {"firing": ["drifting"], "fired": ["drifting"], "resolved": []}, "delivered": 1} == {
        key: run.details[key] for key in ("alerts", "delivered")
    }
    assert [1] == run.details["windows"]["closed"]


def test_a_flow_without_triggers_ends_its_run_with_the_alerts(project: Any) -> None:
    monitoring.alert(measure())
    assert [RunStatus.PASSED] == [run.status for run in runs(project)]


def test_a_channel_that_fails_fails_no_run(project: Any) -> None:
    (project.store.root / "alerts.jsonl").mkdir()
    project.serve(project.rows(500, shift=12))
    monitoring.alert(measure(), DRIFTING)
    from sqlmodel import select

    with project.store.read() as session:
        errors = [row.last_error for row in session.exec(select(Outbox))]
    assert ([RunStatus.PASSED], [True]) == ([run.status for run in runs(project)], ["IsADirectoryError" in str(error) for error in errors])


def test_a_step_that_fails_ends_its_run_as_failed(project: Any) -> None:
    windows = measure()
    with pytest.raises(Exception, match="cannot be judged"):
        monitoring.alert(windows, Alert(id="odd", when="drift.share >"))
    assert [RunStatus.FAILED] == [run.status for run in runs(project)]


@pytest.mark.slow
def test_the_handles_cross_prefects_tasks_as_json(project: Any) -> None:
    from prefect.serializers import JSONSerializer

    project.serve(project.rows(500, shift=12))
    windows = measure()
    alerts = monitoring.alert(windows, DRIFTING)
    decision = retraining.decide(alerts, OnAlert(id="drifting", alert="drifting", cooldown=DAY))
    serializer = JSONSerializer()
    assert [windows, alerts, decision] == [serializer.loads(serializer.dumps(value)) for value in (windows, alerts, decision)]
