from __future__ import annotations

import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from headrace.apply import checks, stages, wire
from headrace.apply.prefect import Door
from headrace.apply.stages import (
    DeleteAutomation,
    DeleteDeployment,
    DeleteFile,
    DeleteSchedules,
    PutAlias,
    PutAutomation,
    PutCrashWatch,
    PutDeployment,
    PutPool,
    Record,
    Ship,
    Train,
    WriteFile,
)
from headrace.diagnostics import Exit, HeadraceError
from headrace.plan import Action, AliasBack, FileChange, Item, Observed, Plan, Recorded, State, Training, Wanted, seal, to_json
from headrace.plan import wanted as wanted_
from headrace.plan.wanted import Automation, Deployment, Schedule

TRAIN = Deployment("m/train", "flows/m.py:train", "v1", "/srv", schedules=(Schedule("every", 60.0),))
AUTO = Automation("headrace:p:m:train", "headrace.retraining.requested", "headrace.p.m", "m/train")
WANTED = Wanted({"m/train": TRAIN}, {AUTO.name: AUTO})
THERE = Observed({"m/train": TRAIN}, {AUTO.name: AUTO})
EMPTY = Plan("p", "dev", 0, "sha256:x", observed=True, items=(), files=(), train=(), forecasts=(), unchanged=1)


def test_what_stands_needs_no_step():
    assert stages.stages(EMPTY, {}, WANTED, THERE) == ()


def test_everything_is_made_before_what_needs_it():
    plan = replace(
        EMPTY,
        items=(Item(Action.ADD, "model/m"),),
        files=(FileChange("flows/m.py", "write"), FileChange("flows/old.py", "delete")),
        train=(Training("m", "why", "key"),),
    )
    old = replace(TRAIN, name="old/train", id="1")
    observed = Observed(
        {"old/train": old}, {"headrace:p:old:train": replace(AUTO, name="headrace:p:old:train")}, pool=False, crash_watch=False
    )
    assert stages.stages(plan, {"flows/m.py": "text"}, WANTED, observed) == (
        WriteFile("flows/m.py", "text"),
        PutPool(),
        PutDeployment(TRAIN),
        PutAutomation(AUTO),
        PutCrashWatch(),
        DeleteAutomation("headrace:p:old:train"),
        DeleteSchedules("old/train"),
        DeleteDeployment("old/train"),
        DeleteFile("flows/old.py"),
        Record(),
        Train("m", "key"),
    )


def test_every_step_has_words():
    every = [PutPool(), PutDeployment(TRAIN), PutAutomation(AUTO), PutCrashWatch(), DeleteAutomation("a"), DeleteSchedules("b")]
    every += [
        DeleteDeployment("c"),
        DeleteFile("d"),
        WriteFile("e", ""),
        PutAlias(AliasBack("m", "champion", 2)),
        Ship("old"),
        Record(),
        Train("f", ""),
    ]
    assert [f"{s.action} {s.subject}" for s in every] == [
        "put work pool headrace",
        "put deployment m/train",
        "put automation headrace:p:m:train",
        "put automation crash-watch",
        "delete automation a",
        "delete schedules b",
        "delete deployment c",
        "delete file d",
        "write file e",
        "put alias m@champion",
        "ship records old",
        "record state",
        "train f",
    ]


def test_what_only_changed_outside_is_mended_and_not_recorded():
    plan = replace(EMPTY, items=(Item(Action.OUTSIDE, "model/m", notes=("paused",)),))
    observed = replace(THERE, deployments={"m/train": replace(TRAIN, paused=True)})
    assert stages.stages(plan, {}, WANTED, observed) == (PutDeployment(TRAIN),)


def test_a_deployment_made_anew_takes_its_automation_with_it():
    assert stages.stages(EMPTY, {}, WANTED, replace(THERE, deployments={})) == (PutDeployment(TRAIN), PutAutomation(AUTO))


def test_a_deployment_that_gets_another_title_takes_its_automation_with_it():
    observed = replace(THERE, deployments={"m/train": replace(TRAIN, title="p")})
    assert stages.stages(EMPTY, {}, WANTED, observed) == (PutDeployment(TRAIN), PutAutomation(AUTO))


def test_under_a_driven_clock_schedules_are_paused():
    assert stages.stages(EMPTY, {}, WANTED, THERE, driven=True) == (PutDeployment(replace(TRAIN, paused=True)),)


def test_a_training_is_left_out_on_demand():
    assert stages.stages(replace(EMPTY, train=(Training("m", "why", "key"),)), {}, WANTED, THERE, train=False) == ()


def written(**changes):
    document = {**to_json(EMPTY), **changes}
    return {**document, "seal": seal(document)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"digest": "sha256:y", "serial": 3}, "from serial 3 to 0"),
        ({"digest": "sha256:y"}, "the specs, or what they compile to"),
        ({"environment": "production"}, "it is of environment production, and this is dev"),
        ({"project": "other"}, "it is of project other"),
        ({"train": [{"model": "m", "why": "w", "key": "k"}]}, "the trainings are not as they were"),
        ({"items": [{"action": "outside", "address": "model/m", "notes": ["paused"]}]}, "Prefect"),
    ],
)
def test_a_plan_that_no_longer_holds_is_refused(changes, said):
    with pytest.raises(HeadraceError, match=said) as raised:
        checks.refuse_stale(EMPTY, written(**changes))
    assert raised.value.code is Exit.STALE


def test_a_plan_that_holds_is_not_refused():
    checks.refuse_stale(EMPTY, written())
    checks.refuse_altered(written())


@pytest.mark.parametrize(
    ("told", "id_"),
    [
        ({**written(), "empty": False}, "plan-altered"),
        ({**written(), "seal": "sha256:0"}, "plan-altered"),
        ({key: value for key, value in written().items() if key != "seal"}, "plan-altered"),
        (written(headrace="0.0.1"), "plan-stale"),
        (written(schema=99), "plan-stale"),
    ],
)
def test_a_plan_that_was_edited_or_is_of_another_release_is_refused(told, id_):
    with pytest.raises(HeadraceError) as raised:
        checks.refuse_altered(told)
    assert (raised.value.code, next(iter(raised.value.report)).id) == (Exit.STALE, id_)


def test_a_plan_made_without_prefect_is_refused_where_something_was_changed_there():
    blind = replace(EMPTY, observed=False)
    checks.refuse_stale(EMPTY, written(observed="unknown"), blind)
    seen = replace(EMPTY, items=(Item(Action.OUTSIDE, "model/m", notes=("paused",)),))
    with pytest.raises(HeadraceError, match="made without Prefect"):
        checks.refuse_stale(seen, written(observed="unknown"), blind)


@pytest.mark.parametrize(
    ("there", "gone", "allowed", "refused"),
    [
        (10, 2, 0, False),
        (10, 3, 0, True),
        (10, 3, 2, True),
        (10, 3, 3, False),
        (1, 1, 0, True),
        (1, 1, 1, False),
        (4, 1, 0, True),
        (5, 1, 0, False),
        (2, 2, 0, True),
        (10, 0, 0, False),
    ],
)
def test_more_than_a_fifth_of_the_models_need_a_number(there, gone, allowed, refused):
    resources = {f"model/m{i}": Recorded("u", f"model/m{i}", "model", "", {}, {}) for i in range(there)}
    plan = replace(EMPTY, items=tuple(Item(Action.REMOVE, f"model/m{i}") for i in range(gone)))
    if not refused:
        checks.refuse_pruning(plan, State(resources=resources), allowed)
        return
    with pytest.raises(HeadraceError) as raised:
        checks.refuse_pruning(plan, State(resources=resources), allowed)
    assert raised.value.code is Exit.REFUSED
    (found,) = raised.value.report
    assert (found.id, found.help) == ("prune-guard", f"if that is meant, type `headrace apply --allow-prune {gone}`")


@pytest.mark.parametrize(
    ("models", "others", "gone", "said"),
    [
        (1, 4, ["model/m0"], "1 of 5 documents, and 1 of 1 model would be removed: model/m0"),
        (1, 20, ["model/m0", "source/s0"], "2 of 21 documents, and 1 of 1 model would be removed: model/m0, source/s0"),
        (1, 4, ["source/s0"], None),
        (1, 4, ["source/s0", "source/s1"], "2 of 5 documents would be removed: source/s0, source/s1"),
        (10, 0, ["model/m0"], None),
        (3, 30, ["model/m0"], "1 of 33 documents, and 1 of 3 models would be removed: model/m0"),
    ],
)
def test_documents_and_models_are_counted_each_for_itself(models, others, gone, said):
    names = [*(f"model/m{i}" for i in range(models)), *(f"source/s{i}" for i in range(others))]
    resources = {name: Recorded("u", name, name.partition("/")[0], "", {}, {}) for name in names}
    plan = replace(EMPTY, items=tuple(Item(Action.REMOVE, name) for name in gone))
    checks.refuse_pruning(plan, State(resources=resources), len(gone))
    if said is None:
        checks.refuse_pruning(plan, State(resources=resources), 0)
        return
    with pytest.raises(HeadraceError) as raised:
        checks.refuse_pruning(plan, State(resources=resources), len(gone) - 1)
    (found,) = raised.value.report
    assert (found.message, found.help) == (said, f"if that is meant, type `headrace apply --allow-prune {len(gone)}`")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Item(Action.RETIRE, "model/m", blocked="it would go on beside the rest"), "model/m cannot retire: it would go on beside the rest"),
        (Item(Action.REMOVE, "source/old", blocked="model/m still reads it"), "source/old cannot be removed: model/m still reads it"),
        (Item(Action.MOVE, "model/n", before="model/m", blocked="its rollout has not ended"), "model/m cannot become model/n: its rollout"),
    ],
)
def test_what_is_blocked_is_refused_whole(item, said):
    with pytest.raises(HeadraceError, match=said) as raised:
        checks.refuse_blocked(replace(EMPTY, items=(item,)))
    assert raised.value.code is Exit.REFUSED
    checks.refuse_blocked(EMPTY)


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/api"


def test_a_server_that_is_away_is_a_fault_that_can_be_read():
    with Door(closed_port(), "p") as door:
        assert not door.ready(0.5)
        for call in (lambda: door.wait_ready(0.1), door.observe):
            with pytest.raises(HeadraceError) as raised:
                call()
            assert [d.id for d in raised.value.report] == ["prefect-away"]


def test_prefects_json_is_read_whatever_somebody_made_of_it():
    found = {"name": "a", "trigger": {"match": {"prefect.resource.id": ["x", "y"]}}, "actions": [], "enabled": False, "id": 1}
    assert wire.read_automation(found, {}) == Automation("a", "", "x,y", "", enabled=False, cause="None")
    bare = {
        "tags": [],
        "entrypoint": None,
        "version": None,
        "parameters": {},
        "work_pool_name": None,
        "schedules": [],
        "paused": False,
        "name": "x",
    }
    read_bare = wire.read_deployment({**bare, "pull_steps": None, "id": 1}, "m/train", wire.tags("m/train"))
    assert read_bare == Deployment("m/train", "", "", "", pool=None, title="x", tagged=False)
    run = {"id": 1, "tags": [], "state": None, "parameters": None, "auto_scheduled": None, "expected_start_time": None}
    read = wire.read_run({**run, "created": "2026-01-01T00:00:00Z"})
    assert (read.type, read.cause, read.ended) == ("PENDING", None, False)


def test_a_title_says_whose_it_is():
    assert wanted_.named("labour", wanted_.title("labour", "employment/roll_out")) == "employment/roll_out"
    assert wanted_.named("labour@staging", "labour@staging.m.train") == "m/train"
    for other in ("xlabour.m.train", "labour.m", "labour", "labour@staging.m.train", "labour.a.b.c"):
        assert wanted_.named("labour", other) is None


def test_pages_are_read_to_their_end(monkeypatch):
    door = Door("http://127.0.0.1:1/api", "p")
    pages = iter([[{"n": i} for i in range(200)], [{"n": 200}]])
    monkeypatch.setattr(door, "_call", lambda *_: next(pages))
    assert [item["n"] for item in door._pages("/x", {})] == list(range(201))


def test_a_door_opens_nothing_until_it_is_used():
    assert SimpleNamespace(**vars(Door("http://x/api/", "p"))).url == "http://x/api"


# environments --------------------------------------------------------------------------------------------------


def test_an_environment_whose_deployments_run_out_of_this_folder_is_not_overwritten():
    with pytest.raises(HeadraceError) as raised:
        checks.refuse_shared_folder(THERE, "/srv", "p", "p@staging")
    (found,) = raised.value.report
    assert (Exit.REFUSED, "shared-folder", True) == (raised.value.code, found.id, "m/train of it" in found.message)
    checks.refuse_shared_folder(THERE, "/srv/another", "p", "p@staging")
    checks.refuse_shared_folder(Observed({}, {}), "/srv", "p", "p@staging")
