from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.plan import Action, Observed
from headrace.plan.wanted import Schedule


def notes(plan):
    return [(item.address, note) for item in plan.items if item.action is Action.OUTSIDE for note in item.notes]


def with_deployment(observed, name, **changes):
    return replace(observed, deployments={**observed.deployments, name: replace(observed.deployments[name], **changes)})


def test_a_paused_deployment_was_changed_outside(folder):
    observed = with_deployment(folder.observed(), "employment/monitor", paused=True)
    expected = [("model/employment", "employment/monitor: paused in Prefect: apply would set it running again")]
    assert notes(folder.plan(folder.applied(), observed)) == expected


def test_a_paused_deployment_is_as_it_should_be_while_the_clock_is_driven(folder):
    observed = with_deployment(folder.observed(), "employment/monitor", paused=True)
    assert folder.plan(folder.applied(driven=True), observed).empty


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedules": (Schedule("every", 5.0),)}, "its schedules were changed in Prefect"),
        ({"parameters": '{"cause":"x"}'}, "changed in Prefect"),
        ({"entrypoint": "flows/other.py:train"}, "changed in Prefect"),
        ({"pool": None}, "changed in Prefect"),
        ({"tagged": False}, "employment/monitor: its tags were changed in Prefect: apply would put them back"),
        ({"title": "labour"}, "employment/monitor is called `labour` in Prefect: apply would call it `labour.employment.monitor`"),
    ],
)
def test_a_deployment_changed_by_hand_is_named(folder, changes, said):
    observed = with_deployment(folder.observed(), "employment/monitor", **changes)
    assert [note for _, note in notes(folder.plan(folder.applied(), observed)) if said in note]


def test_missing_deployments_and_automations_are_named(folder):
    plan = folder.plan(folder.applied(), Observed({}, {}))
    assert len([note for _, note in notes(plan) if "is missing in Prefect" in note]) == 6


def test_an_automation_that_is_off_or_changed_is_named(folder):
    observed = folder.observed()
    first, second = sorted(observed.automations)
    automations = {
        first: replace(observed.automations[first], enabled=False),
        second: replace(observed.automations[second], cause="{{ event.id }}"),
    }
    said = [note for _, note in notes(folder.plan(folder.applied(), replace(observed, automations=automations)))]
    assert [note.partition(" in Prefect")[0] for note in said] == [f"automation {first} is off", f"automation {second} was changed"]


def test_what_nobody_asked_for_would_be_removed(folder):
    observed = folder.observed()
    stray = replace(observed.deployments["employment/train"], name="ghost/train")
    plan = folder.plan(folder.applied(), replace(observed, deployments={**observed.deployments, "ghost/train": stray}))
    assert notes(plan) == [("prefect", "ghost/train is in Prefect and nobody asked for it: apply would remove it")]


def test_the_pool_and_the_crash_watch_are_part_of_it(folder):
    plan = folder.plan(folder.applied(), replace(folder.observed(), pool=False, crash_watch=False))
    assert len(notes(plan)) == 2


def test_a_project_that_was_never_applied_has_nothing_changed_outside(folder):
    assert notes(folder.plan(None, Observed({}, {}, pool=False, crash_watch=False))) == []
