from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest
from apply_waiting import until

from headrace.diagnostics import HeadraceError
from headrace.plan import wanted as wanted_

pytestmark = [pytest.mark.slow, pytest.mark.prefect]


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


def test_in_prefects_list_each_deployment_says_project_model_and_flow(small):
    door, _, _ = small
    asked = {"deployments": {"tags": {"all_": [door.tag]}}}
    titles = [found["name"] for found in door._call("POST", "/deployments/filter", asked)]
    assert sorted(titles) == [f"{door.project}.m.roll_out", f"{door.project}.m.train"]


def test_a_deployment_with_the_title_of_an_earlier_release_is_observed_used_and_taken_away(small):
    door, wanted, _ = small
    now, old = wanted.deployments["m/train"], replace(wanted.deployments["m/train"], title=door.project)
    door.put_deployment(old)
    assert door.observe().deployments["m/train"] == old
    assert door.run("m/train", {}, "one") == door.run("m/train", {}, "one")
    door.put_deployment(now)
    for automation in wanted.automations.values():
        door.put_automation(automation)
    assert (door.observe().deployments, door.observe().automations) == (wanted.deployments, wanted.automations)
    assert len(door._deployment_ids("m/train")) == 1


def test_of_two_titles_the_old_one_is_told_of_until_it_is_gone(small):
    door, wanted, _ = small
    now, old = wanted.deployments["m/train"], replace(wanted.deployments["m/train"], title=door.project)
    (found,) = door._call("POST", "/deployments/filter", {"deployments": {"name": {"any_": [now.title]}}})
    same = {key: found[key] for key in ("flow_id", "entrypoint", "version", "tags", "parameters", "work_pool_name", "pull_steps", "path")}
    door._call("POST", "/deployments/", {**same, "name": old.title})
    assert door.observe().deployments["m/train"] == old
    door.put_deployment(now)
    assert door.observe().deployments["m/train"] == now
    door.delete_deployment("m/train")
    assert set(door.observe().deployments) == {"m/roll_out"}


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


@pytest.mark.parametrize("tags", [[], ["mine"], ["headrace:model=other", "headrace:flow=train"]])
def test_a_deployment_whose_tags_were_edited_is_found_and_they_are_put_back(place, tags):
    place.apply()
    was = place.door.observe().deployments["employment/train"]
    place.door._call("PATCH", f"/deployments/{was.id}", {"tags": tags})
    (item,) = place.plan().items
    assert item.notes == ("employment/train: its tags were changed in Prefect: apply would put them back",)
    place.apply()
    assert place.plan().items == ()
    now = place.door.observe().deployments["employment/train"]
    assert (now, now.id) == (was, was.id)


def test_what_somebody_else_calls_as_ours_would_be_is_left_alone(small):
    door, wanted, _ = small
    flow = door._call("POST", "/flows/", {"name": "another", "tags": []})
    theirs = door._call("POST", "/deployments/", {"name": f"{door.project}.m.train", "flow_id": flow["id"], "tags": []})
    assert door.observe().deployments == dict(wanted.deployments)
    door.delete_deployment("m/train")
    assert door._call("GET", f"/deployments/{theirs['id']}")["name"] == f"{door.project}.m.train"
    door._call("DELETE", f"/deployments/{theirs['id']}")


def test_an_automation_whose_tags_were_edited_is_not_made_twice(small):
    door, wanted, _ = small
    (name,) = wanted.automations
    found = door._call("POST", "/automations/filter", {"automations": {"name": {"any_": [name]}}})[0]
    kept = {key: found[key] for key in ("name", "description", "enabled", "trigger", "actions")}
    door._call("PUT", f"/automations/{found['id']}", {**kept, "tags": []})
    door.put_automation(wanted.automations[name])
    (again,) = door._call("POST", "/automations/filter", {"automations": {"name": {"any_": [name]}}})
    assert (again["id"], door.observe().automations) == (found["id"], dict(wanted.automations))
