from __future__ import annotations

import json
import time
import uuid

import pytest

from headrace.apply.prefect import OPEN, Door
from headrace.diagnostics import HeadraceError
from headrace.plan import wanted as wanted_

pytestmark = [pytest.mark.slow, pytest.mark.prefect]

FLOWS = """
import os
from datetime import datetime
from pathlib import Path
from prefect import flow


@flow(name="m-train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    with Path("ran.txt").open("a") as out:
        out.write(f"train {os.getcwd()} {os.environ.get('OMP_NUM_THREADS')} {cause}\\n")


@flow(name="m-roll-out")
def roll_out(cause: str | None = None) -> None:
    raise RuntimeError("broken on purpose")
"""


@pytest.fixture
def small(tmp_path, prefect_url, first_pool):
    """A hand-written project of one model with two flows and one automation."""
    name = f"small-{uuid.uuid4().hex[:8]}"
    asked = {
        "project": name,
        "model": "m",
        "deployments": [
            {"name": "m/train", "flow": "train", "entrypoint": "flows/m.py:train", "parameters": {}, "schedules": []},
            {
                "name": "m/roll_out",
                "flow": "roll_out",
                "entrypoint": "flows/m.py:roll_out",
                "parameters": {},
                "schedules": [{"slug": "look", "interval_seconds": 3600}, {"slug": "weekly", "cron": "0 3 * * 1"}],
            },
        ],
        "automations": [
            {
                "name": f"headrace:{name}:m:train",
                "event": "headrace.retraining.requested",
                "resource": f"headrace.{name}.m",
                "deployment": "m/train",
            }
        ],
    }
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "m.py").write_text(FLOWS)
    wanted = wanted_.read({"flows/m.deploy.json": json.dumps(asked), "flows/m.py": FLOWS}, str(tmp_path))
    with Door(prefect_url, name) as door:
        for deployment in wanted.deployments.values():
            door.put_deployment(deployment)
        for automation in wanted.automations.values():
            door.put_automation(automation)
        yield door, wanted, tmp_path
        for run in door.runs(*OPEN):
            door._call("DELETE", f"/flow_runs/{run.id}", missing_ok=True)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)
    return found


def test_what_was_put_is_observed_and_putting_it_again_changes_no_id(small):
    door, wanted, _ = small
    first = door.observe()
    assert (first.deployments, first.automations) == (wanted.deployments, wanted.automations)
    for deployment in wanted.deployments.values():
        door.put_deployment(deployment)
    for automation in wanted.automations.values():
        door.put_automation(automation)
    second = door.observe()
    assert [d.id for d in second.deployments.values()] == [d.id for d in first.deployments.values()]
    assert [a.id for a in second.automations.values()] == [a.id for a in first.automations.values()]


def test_schedules_make_runs_until_they_are_paused(small):
    door, _, _ = small
    until(lambda: [run for run in door.runs("SCHEDULED") if run.scheduled])
    door.pause_schedules()
    assert [run for run in door.runs("SCHEDULED") if run.scheduled] == []
    assert {d.paused for d in door.observe().deployments.values()} == {True}
    door.resume_schedules()
    until(lambda: [run for run in door.runs("SCHEDULED") if run.scheduled])


def test_an_event_starts_exactly_one_run_with_its_id_as_cause(small, worker):
    door, _, root = small
    event = str(uuid.uuid4())
    resource = f"headrace.{door.project}.m"
    for _ in range(2):
        assert door.emit("headrace.retraining.requested", event, resource, {"id": event, "model": "m"})
    (run,) = until(lambda: door.started_by(event))
    assert door.wait(run.id, 90)[0] == "COMPLETED"
    assert not door.emit("headrace.retraining.requested", event, resource, {"id": event, "model": "m"})
    time.sleep(3)
    assert [(r.deployment, r.cause, r.scheduled) for r in door.started_by(event)] == [("m/train", event, False)]
    assert (root / "ran.txt").read_text() == f"train {root} 1 {event}\n"


def test_an_event_of_another_model_starts_nothing(small):
    door, _, _ = small
    event = str(uuid.uuid4())
    door.emit("headrace.retraining.requested", event, f"headrace.{door.project}.another", {"id": event})
    time.sleep(5)
    assert door.started_by(event) == []


def test_the_same_key_is_the_same_run(small):
    door, _, _ = small
    assert door.run("m/train", {"cause": "x"}, "key") == door.run("m/train", {"cause": "x"}, "key")
    (run,) = door.runs(deployment="m/train", newest=1)
    assert (run.deployment, run.cause, run.scheduled) == ("m/train", "x", False)


def test_a_failed_run_says_why(small, worker):
    door, _, _ = small
    state, name, message = door.wait(door.run("m/roll_out"), 90)
    assert (state, name) == ("FAILED", "Failed")
    assert "broken on purpose" in message


def test_a_parameter_of_the_wrong_type_fails_the_run(small, worker):
    door, _, _ = small
    state, _, message = door.wait(door.run("m/train", {"as_of": "never"}), 90)
    assert state == "FAILED"
    assert "as_of" in message


def test_what_is_not_there_is_a_fault_that_can_be_read(small):
    door, _, _ = small
    for call, said in [
        (lambda: door.run("m/nothing"), "no-deployment"),
        (lambda: door.run_state(str(uuid.uuid4())), "no-run"),
        (lambda: door.wait(door.run("m/train", {}, "slow"), 0.0), "run-slow"),
        (lambda: door.put_automation(wanted_.Automation("a", "e", "r", "m/nothing")), "prefect-refused"),
        (lambda: door._call("GET", "/nothing"), "prefect-refused"),
    ]:
        with pytest.raises(HeadraceError) as raised:
            call()
        assert [d.id for d in raised.value.report] == [said]


def test_taking_away_what_is_gone_is_no_fault(small):
    door, _, _ = small
    for _ in range(2):
        door.delete_automation(f"headrace:{door.project}:m:train")
        door.delete_schedules("m/roll_out")
        door.delete_deployment("m/roll_out")
    assert set(door.observe().deployments) == {"m/train"}


def test_a_paused_pool_is_set_going(small):
    door, _, _ = small
    door._call("PATCH", "/work_pools/headrace", {"is_paused": True})
    assert not door.observe().pool
    door.put_pool()
    assert door.observe().pool


def test_an_event_whose_run_crashed_is_sent_again(small):
    door, _, _ = small
    event = str(uuid.uuid4())
    resource = f"headrace.{door.project}.m"
    assert door.emit("headrace.retraining.requested", event, resource, {"id": event})
    (run,) = until(lambda: door.started_by(event))
    door._call("POST", f"/flow_runs/{run.id}/set_state", {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True})
    assert door.emit("headrace.retraining.requested", event, resource, {"id": event})
    until(lambda: len(door.started_by(event)) == 2)
    assert not door.emit("headrace.retraining.requested", event, resource, {"id": event})
