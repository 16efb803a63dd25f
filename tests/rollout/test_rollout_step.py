import json

import pytest
from rollout_values import CANARY
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.steps import rollout as step
from headrace.store import clock, tables


@pytest.fixture
def project(world, monkeypatch):
    """The world as a project that steps find; the clock is the wall's."""
    clock.release(world.store, "test")
    config = {
        "project": "p",
        "language": 1,
        "environment": "dev",
        "production": False,
        "store": "sqlite:///headrace.db",
        "blobs": "blobs",
        "spool": ".headrace/spool",
        "plugins": {"allow": None, "deny": []},
        "sources": {},
        "views": {},
        "channels": {},
        "models": ["m"],
    }
    file = world.store.root / "flows" / "headrace.json"
    file.parent.mkdir()
    file.write_text(json.dumps(config))
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(file))
    return world


def runs(world):
    with world.store.read() as session:
        return [(run.flow, run.cause, run.status.value, run.details) for run in session.exec(select(tables.Run))]


def test_a_look_is_a_run_that_answers_its_event(project):
    project.passes(1)
    progress = step.advance(CANARY, model="m", cause="the event")
    details = {"progress": {"event": "headrace.rollout.promoted", "reason": progress.payload["reason"]}}
    assert (progress.passed, runs(project)) == (True, [("roll_out", "the event", "passed", details)])


def test_an_event_is_answered_once(project):
    project.passes(1)
    step.replace(model="m", cause="the event")
    with pytest.raises(HeadraceError, match="already-answered"):
        step.replace(model="m", cause="the event")
    assert project.aliases() == {"champion": 1}


def test_a_look_that_fails_is_a_failed_run(project, monkeypatch):
    project.passes(1)
    monkeypatch.setattr("headrace.rollout.carry_out.registry.promote", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step.advance(CANARY, model="m")
    assert [(flow, status) for flow, _, status, _ in runs(project)] == [("roll_out", "failed")]
    assert project.kinds() == []
