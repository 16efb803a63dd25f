from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlmodel import select

from headrace.apply.execute import execute
from headrace.apply.stages import Train
from headrace.diagnostics import Exit, HeadraceError
from headrace.plan.state import read
from headrace.store import clock, tables
from headrace.store.kinds import OperationStatus

pytestmark = [pytest.mark.slow, pytest.mark.prefect]


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it is done."""


def operations(place):
    with place.store.read() as session:
        rows = session.exec(select(tables.Operation).order_by(tables.Operation.at, tables.Operation.position)).all()
    return [(row.action, row.subject, row.status) for row in rows]


def trainings(place):
    return place.door.runs(deployment="employment/train")


def test_after_apply_the_plan_is_empty(place):
    outcome = place.apply()
    assert outcome.serial == 1
    assert place.plan().empty
    assert {run.model for run in outcome.runs} == {"employment"}


def test_titles_of_an_earlier_release_are_planned_and_put_right(place):
    place.apply()
    for deployment in place.door.observe().deployments.values():
        place.door.put_deployment(replace(deployment, title=place.name))
    (item,) = place.plan().items
    assert {f"is called `{place.name}` in Prefect: apply would call it" in note for note in item.notes if "is called" in note} == {True}
    place.apply()
    assert place.plan().empty
    assert [d.title for d in place.door.observe().deployments.values()] == [
        f"{place.name}.employment.{flow}" for flow in ("judge", "monitor", "roll_out", "train")
    ]


def test_applying_twice_is_applying_once(place):
    place.apply()
    before, ids = place.live(), {d.id for d in place.door.observe().deployments.values()}
    outcome = place.apply()
    assert (outcome.steps, outcome.runs, outcome.serial) == ([], [], 1)
    assert place.live() == before
    assert {d.id for d in place.door.observe().deployments.values()} == ids
    assert len(trainings(place)) == 1


def test_from_a_to_b_and_back_is_a_again(place):
    place.apply()
    first = place.live()
    place.edit("employment.yaml", "every: 6w", "every: 5w")
    place.copy_model("second")
    place.apply()
    second = place.live()
    flows = {"train", "judge", "roll_out", "monitor"}
    assert set(second["deployments"]) - set(first["deployments"]) == {f"second/{flow}" for flow in flows}
    place.edit("employment.yaml", "every: 5w", "every: 6w")
    place.drop_model("second")
    place.apply()
    assert place.live() == first
    assert place.plan().empty


def test_a_changed_parameter_starts_one_training(place):
    place.apply()
    place.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    assert [run.model for run in place.apply().runs] == ["employment"]
    assert place.apply().runs == []
    assert len(trainings(place)) == 2


def test_what_was_changed_by_hand_is_put_back(place):
    place.apply()
    before = place.live()
    observed = place.door.observe()
    first, second = sorted(observed.automations)
    place.door._call("DELETE", f"/automations/{observed.automations[first].id}")
    place.door._call("PATCH", f"/automations/{observed.automations[second].id}", {"enabled": False})
    place.door._call("DELETE", f"/deployments/{observed.deployments['employment/train'].id}")
    place.door._call("POST", f"/deployments/{observed.deployments['employment/monitor'].id}/pause_deployment")
    monitor = observed.deployments["employment/roll_out"].id
    extra = [{"active": True, "slug": "extra", "schedule": {"interval": 5000}}]
    place.door._call("POST", f"/deployments/{monitor}/schedules", extra)
    place.door.delete_automation(f"headrace:{place.name}:crash-watch")
    assert not place.plan().empty
    place.apply()
    assert place.live() == before
    assert place.plan().empty


def test_flows_that_left_the_specs_leave_the_server(place):
    (place.root / "specs" / "replay.yaml").unlink()
    place.apply()
    path = place.root / "specs" / "employment.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("monitoring:")[0], encoding="utf-8")
    place.apply()
    observed = place.door.observe()
    assert [name for name, d in observed.deployments.items() if name == "employment/monitor" and d.schedules] == []
    assert set(observed.automations) == {f"headrace:{place.name}:employment:roll_out"}
    assert place.plan().empty


def test_nothing_of_another_project_is_touched(make_place):
    one, other = make_place(), make_place()
    one.apply()
    before = one.live()
    other.apply()
    other.drop_model("employment")
    (other.root / "specs" / "replay.yaml").unlink()
    other.apply()
    assert other.door.observe().deployments == {}
    assert one.live() == before


def test_while_the_clock_is_driven_deployments_are_made_paused(place):
    clock.drive(place.store, "service:replay", clock.wall())
    place.apply()
    assert {d.paused for d in place.door.observe().deployments.values()} == {True}
    assert place.plan().empty
    clock.release(place.store, "service:replay")
    assert {item.action for item in place.plan().items} == {"outside"}
    place.apply()
    assert {d.paused for d in place.door.observe().deployments.values()} == {False}


def test_killed_at_a_step_of_every_kind_the_next_apply_ends_in_the_same_state(place):
    def there():
        place.edit("employment.yaml", "every: 6w", "every: 5w")
        place.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
        place.copy_model("second")

    def back():
        place.edit("employment.yaml", "every: 5w", "every: 6w")
        place.edit("employment.yaml", "learning_rate: 0.1", "learning_rate: 0.05")
        place.drop_model("second")

    place.apply()
    expected, moments, kinds = {}, {}, set()
    for change in (there, back):
        change()
        heard = []
        place.apply(lambda status, step, heard=heard: heard.append((status, step)))
        expected[change], moments[change] = neutral(place), []
        for moment, (status, step) in enumerate(heard):
            kind = (status, re.sub(r"\S*[/.]\S*", "", step))
            if kind not in kinds:
                kinds.add(kind)
                moments[change].append(moment)

    assert len(kinds) > 10
    while any(moments.values()):
        for change in (there, back):
            change()
            before, moment = len(trainings(place)), moments[change].pop(0) if moments[change] else None
            if moment is not None:
                kill_at(place, moment)
            place.apply()
            assert neutral(place) == expected[change], f"{change.__name__}, killed at moment {moment}"
            assert place.plan().empty
            assert len(trainings(place)) == before + 1, f"{change.__name__}, killed at moment {moment}"
            assert OperationStatus.INTENT not in {status for *_, status in operations(place)}


def kill_at(place, moment):
    heard = iter(range(moment, -1, -1))

    def kill(*_: str) -> None:
        if next(heard) == 0:
            raise Killed

    with pytest.raises(Killed):
        place.apply(kill)


def neutral(place):
    """What it holds, without the folder's and the project's own names."""
    live = repr(place.live()).replace(str(place.root), "ROOT").replace(place.name, "NAME")
    return re.sub(r"sha256:[0-9a-f]{64}|id='[0-9a-f-]{36}'", "", live)


def test_a_step_that_fails_is_named_and_the_next_apply_goes_on(place):
    (place.root / "flows").mkdir()
    blocked = place.root / "flows" / "employment.serving.json"
    blocked.mkdir()
    with pytest.raises(HeadraceError) as raised:
        place.apply()
    assert raised.value.code is Exit.PARTIAL
    assert "write file flows/employment.serving.json" in str(raised.value)
    blocked.rmdir()
    place.apply()
    assert place.plan().empty


def test_the_next_apply_says_where_the_killed_one_stood(place):
    def kill(status, step):
        if step == "put deployment employment/train":
            raise Killed

    with pytest.raises(Killed):
        place.apply(kill)
    left = place.apply().left
    assert (left.action, left.subject) == ("put deployment", "employment/train")
    assert place.apply().left is None


def test_without_training_none_is_owed_later(place):
    work, steps, _ = place.look()
    execute(replace(work, train=False), [s for s in steps if not isinstance(s, Train)], lambda *_: None)
    assert read(place.store, place.root).pending == {}
    assert place.plan().empty
    assert trainings(place) == []
