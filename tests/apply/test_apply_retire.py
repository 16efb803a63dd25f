"""A model that somebody may ask leaves the files: it goes on for its grace, and an apply after that removes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apply_memory import AT, promoted, rows
from apply_place import REFERENCE

from headrace.plan import Action, to_json, to_text
from headrace.plan.grace import GRACE
from headrace.plan.left import retiring
from headrace.store import clock, tables

DAY = timedelta(days=1)


@pytest.fixture
def life(memory):
    """Applied, with a champion, and at a time of the test's own."""
    memory.apply()
    promoted(memory.store, "employment", 1)
    clock.drive(memory.store, "test", AT)
    memory.apply()
    assert memory.plan().empty
    return memory


def leave(memory, *files):
    for file in ("employment.yaml", "replay.yaml", *files):
        (memory.root / "specs" / file).unlink()


def come_back(memory):
    for path in REFERENCE.glob("*.yaml"):
        (memory.root / "specs" / path.name).write_bytes(path.read_bytes())


def at(memory, when):
    clock.advance(memory.store, "test", when)


def actions(plan):
    return [(item.action, item.address) for item in plan.items]


def running(memory):
    """What answers, runs and is recorded of the model."""
    live = memory.live()
    files = {path: digest for path, digest in live["disk"].items() if "employment" in path}
    return files, live["deployments"], live["automations"], rows(memory.store, tables.Alias, "model", "name", "number")


def test_a_model_with_a_champion_goes_on_as_it_is_until_its_grace_is_over(life):
    before = running(life)
    leave(life)
    plan = life.plan()
    assert actions(plan) == [(Action.REMOVE, "backtest/census-2016-2018"), (Action.RETIRE, "model/employment")]
    assert "retire: it goes on for 7d, and an apply after that removes it" in to_text(to_json(plan))
    life.apply()
    assert running(life) == before
    plan = life.plan()
    assert plan.empty
    (note,) = plan.notes
    assert note.startswith("model/employment left the files and goes on until 2016-01-08 00:00 UTC; an apply after that removes it, and ")
    with life.store.read() as session:
        assert retiring(session) == [("model/employment", AT)]


def test_an_apply_after_the_grace_removes_it_and_its_versions_stay(life):
    leave(life)
    life.apply()
    at(life, AT + GRACE - DAY)
    assert life.plan().empty
    at(life, AT + GRACE)
    plan = life.plan()
    assert actions(plan) == [(Action.REMOVE, "model/employment")]
    assert "its 1 version stays in the registry" in plan.items[0].notes
    life.apply()
    files, deployments, automations, aliases = running(life)
    assert (files, deployments, automations, aliases) == ({}, {}, {}, [("employment", "champion", 1)])
    assert life.plan().empty


def test_what_is_put_back_within_the_grace_is_as_it_was(life):
    before = life.live()
    leave(life)
    life.apply()
    at(life, AT + 3 * DAY)
    come_back(life)
    (item,) = (item for item in life.plan().items if item.address == "model/employment")
    assert [(c.path, c.old, c.effect.word) for c in item.changes] == [("retires", "2016-01-08 00:00 UTC", "metadata")]
    plan = life.plan()
    assert (plan.files, plan.train, plan.judge) == ((), (), ())
    outcome = life.apply()
    assert [step for step in outcome.steps if not step.startswith("record")] == []
    assert life.live() == before
    assert life.plan().empty


def test_now_gives_no_grace_whether_it_has_begun_or_not(life):
    leave(life)
    assert (Action.REMOVE, "model/employment") in actions(life.prepared(at_once=True).plan)
    life.apply()
    assert actions(life.prepared(at_once=True).plan) == [(Action.REMOVE, "model/employment")]
    life.apply(at_once=True)
    assert running(life)[:3] == ({}, {}, {})
    assert life.plan().empty


def test_a_model_that_nobody_asks_has_no_grace(memory):
    memory.apply()
    leave(memory)
    assert (Action.REMOVE, "model/employment") in actions(memory.plan())


def test_what_it_reads_stays_as_long_and_goes_with_it(life):
    leave(life, "features.yaml")
    plan = life.plan()
    (item,) = (item for item in plan.items if item.action is Action.RETIRE)
    assert "feature_view/person stays as long, since it is read" in item.notes
    life.apply()
    assert life.plan().empty
    at(life, AT + GRACE)
    assert actions(life.plan()) == [(Action.REMOVE, "feature_view/person"), (Action.REMOVE, "model/employment")]


def test_a_model_that_cannot_go_on_beside_the_rest_is_blocked(life):
    life.copy_model("second")
    life.edit("second.yaml", "port: 8090", "port: 8080")
    leave(life)
    (item,) = life.plan().blocked
    assert (item.action, item.address) == (Action.RETIRE, "model/employment")
    assert item.blocked is not None
    assert "does not fit it: " in item.blocked
    assert "8080" in item.blocked
    assert any("was it renamed?" in note for note in item.notes)
    assert life.prepared(at_once=True).plan.blocked == ()


def test_a_model_that_retires_is_not_trained_and_a_part_of_the_project_leaves_it_alone(life):
    leave(life)
    life.edit("channels.yaml", "path: ", "path: other-")
    assert Action.RETIRE not in [action for action, _ in actions(life.prepared(select=["kind:channel"]).plan)]
    life.apply(select=["kind:channel"])
    with life.store.read() as session:
        assert retiring(session) == []
    assert (Action.RETIRE, "model/employment") in actions(life.prepared(select=["state:removed"]).plan)
    life.apply()
    life.edit("sources.yaml", "seed: 7", "seed: 8")
    assert life.plan().train == ()


def test_a_grace_is_measured_by_the_environments_clock(life):
    assert life.prepared().state.now == datetime(2016, 1, 1, tzinfo=UTC)
