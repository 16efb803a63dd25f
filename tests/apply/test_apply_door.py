"""What an apply relies on in Prefect: the same truths of a real server and of the one in memory."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.apply.prefect import Door
from headrace.diagnostics import HeadraceError
from headrace.plan.wanted import Automation, Deployment, Observed, Schedule
from headrace.testing.prefect import MemoryDoor, MemoryServer

NUMBERS = itertools.count(1)
FLOW = "from prefect import flow\n\n\n@flow(name='m-train')\ndef train(cause: str | None = None) -> None: ...\n"


class Doors:
    """Doors of two projects to one server, and a folder with a flow."""

    def __init__(self, one, other, root):
        self.one, self.other, self.root = one, other, root

    def deployment(self, name: str = "m/train", **changes: object) -> Deployment:
        wanted = Deployment(name, "flows/m.py:train", "sha256:1", str(self.root), schedules=(Schedule("every", 3600.0),))
        return replace(wanted, **changes)

    def automation(self, **changes: object) -> Automation:
        name = self.one.project
        wanted = Automation(f"headrace:{name}:m:train", "headrace.retraining.requested", f"headrace.{name}.m", "m/train")
        return replace(wanted, **changes)


@pytest.fixture(params=["memory", pytest.param("prefect", marks=[pytest.mark.slow, pytest.mark.prefect])])
def doors(request, tmp_path: Path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "m.py").write_text(FLOW)
    names = [f"conform{next(NUMBERS)}", f"conform{next(NUMBERS)}"]
    if request.param == "memory":
        server = MemoryServer()
        yield Doors(*(MemoryDoor(name, server) for name in names), tmp_path)
        return
    url = request.getfixturevalue("prefect_url")
    with Door(url, names[0]) as one, Door(url, names[1]) as other:
        yield Doors(one, other, tmp_path)
        for door in (one, other):
            for name in [*door.observe().automations, f"headrace:{door.project}:crash-watch"]:
                door.delete_automation(name)
            for name in door.observe().deployments:
                door.delete_deployment(name)


def test_nothing_is_there_at_first(doors):
    seen = doors.one.observe()
    assert (seen.deployments, seen.automations, seen.crash_watch) == ({}, {}, False)


def test_what_was_put_is_what_is_seen_and_putting_it_twice_changes_nothing(doors):
    wanted = doors.deployment()
    for _ in range(2):
        doors.one.put_pool()
        doors.one.put_deployment(wanted)
        doors.one.put_automation(doors.automation())
        doors.one.put_crash_watch()
        assert doors.one.observe() == Observed({"m/train": wanted}, {doors.automation().name: doors.automation()})


def test_a_deployment_keeps_its_id_and_loses_the_schedules_that_left(doors):
    doors.one.put_deployment(doors.deployment(schedules=(Schedule("every", 3600.0), Schedule("look", cron="0 3 * * 1"))))
    first = doors.one.observe().deployments["m/train"]
    again = doors.deployment(schedules=(Schedule("look", cron="0 4 * * 1"),), version="sha256:2")
    doors.one.put_deployment(again)
    seen = doors.one.observe().deployments["m/train"]
    assert (seen, seen.id) == (again, first.id)


def test_a_deployment_can_be_put_paused_and_set_going(doors):
    doors.one.put_deployment(doors.deployment(), paused=True)
    assert doors.one.observe().deployments["m/train"] == doors.deployment(paused=True)
    doors.one.put_deployment(doors.deployment())
    assert doors.one.observe().deployments["m/train"] == doors.deployment()


def test_schedules_automations_and_deployments_are_deleted_once_and_again(doors):
    doors.one.put_deployment(doors.deployment())
    doors.one.put_automation(doors.automation())
    for _ in range(2):
        doors.one.delete_automation(doors.automation().name)
        doors.one.delete_schedules("m/train")
    seen = doors.one.observe()
    assert (seen.automations, seen.deployments["m/train"].schedules) == ({}, ())
    for _ in range(2):
        doors.one.delete_deployment("m/train")
    assert doors.one.observe().deployments == {}
    doors.one.delete_schedules("m/train")


def test_an_automation_knows_its_deployment_by_an_id_that_a_new_one_does_not_have(doors):
    doors.one.put_deployment(doors.deployment())
    doors.one.put_automation(doors.automation())
    doors.one.delete_deployment("m/train")
    doors.one.put_deployment(doors.deployment())
    assert doors.one.observe().automations[doors.automation().name].deployment == ""
    doors.one.put_automation(doors.automation())
    assert doors.one.observe().automations == {doors.automation().name: doors.automation()}


def test_an_automation_without_its_deployment_is_refused(doors):
    with pytest.raises(HeadraceError) as raised:
        doors.one.put_automation(doors.automation())
    assert [d.id for d in raised.value.report] == ["prefect-refused"]


def test_a_key_starts_one_run(doors):
    doors.one.put_pool()
    doors.one.put_deployment(doors.deployment())
    first = doors.one.run("m/train", {"cause": "x"}, "key")
    assert doors.one.run("m/train", {"cause": "x"}, "key") == first
    assert doors.one.run("m/train", {}, "another") != first
    assert doors.one.run("m/train") != doors.one.run("m/train")


def test_a_run_of_what_is_not_there_is_refused(doors):
    with pytest.raises(HeadraceError) as raised:
        doors.one.run("m/train")
    assert [d.id for d in raised.value.report] == ["no-deployment"]


def test_the_crash_watch_goes_by_its_name(doors):
    doors.one.put_crash_watch()
    assert doors.one.observe().crash_watch
    doors.one.delete_automation(f"headrace:{doors.one.project}:crash-watch")
    assert not doors.one.observe().crash_watch


def test_nothing_of_another_project_is_seen_or_deleted(doors):
    doors.one.put_deployment(doors.deployment())
    doors.one.put_automation(doors.automation())
    doors.one.put_crash_watch()
    before = doors.one.observe()
    assert doors.other.observe().deployments == {}
    doors.other.delete_deployment("m/train")
    doors.other.delete_automation(doors.automation().name)
    assert doors.one.observe() == before
