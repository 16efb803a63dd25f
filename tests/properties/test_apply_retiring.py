"""What leaves the files and still answers, by the properties that must hold whatever else changes."""

from __future__ import annotations

import os
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from planned import SPECS, Specs, World

from headrace.plan import Action
from headrace.plan.grace import GRACE
from headrace.store import clock

EXAMPLES = int(os.environ.get("HEADRACE_TEST_EXAMPLES", "20"))
SOME = settings(max_examples=max(1, EXAMPLES // 2), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def leavers(before: Specs, after: Specs) -> set[str]:
    return set(before.models) - set(after.models)


def of(world: World, models: set[str]) -> dict[str, object]:
    """What runs and answers of some models."""
    observed, disk = world.door.observe(), world.state().disk
    return {
        "deployments": {name: one for name, one in observed.deployments.items() if one.model in models},
        "automations": {name: one for name, one in observed.automations.items() if one.model in models},
        "serving": {path: digest for path, digest in disk.items() if path.removesuffix(".serving.json").removeprefix("flows/") in models},
    }


@SOME
@given(SPECS, SPECS)
def test_models_that_leave_go_on_and_come_back_as_they_were(before: Specs, specs: Specs) -> None:
    left = leavers(before, specs)
    with World() as world:
        world.write(before)
        world.apply()
        world.trained()
        first, running = world.live(), set(of(world, left)["deployments"])
        uids = world.uids()
        world.write(specs)
        assert {item.address for item in world.plan().items if item.action is Action.RETIRE} == {f"model/{name}" for name in left}
        assert not [item for item in world.plan().items if item.action is Action.REMOVE and item.address.startswith("model/")]
        runs = {name: len(world.door.started(f"{name}/train")) for name in left}
        world.apply()
        assert world.plan().empty
        assert set(of(world, left)["deployments"]) == running
        assert {name: len(world.door.started(f"{name}/train")) for name in left} == runs
        world.write(before)
        world.apply()
        assert world.live() == first
        now = world.uids()
        assert {name: now[f"model/{name}"] for name in before.models} == {name: uids[f"model/{name}"] for name in before.models}


@SOME
@given(SPECS, SPECS)
def test_after_the_grace_what_left_is_gone(before: Specs, specs: Specs) -> None:
    left = leavers(before, specs)
    with World() as world:
        world.write(before)
        world.apply()
        world.trained()
        now = world.store.clock.now()
        clock.drive(world.store, "test", now)
        world.write(specs)
        world.apply()
        clock.advance(world.store, "test", now + GRACE - timedelta(hours=1))
        assert not [item for item in world.plan().items if item.action is not Action.OUTSIDE]
        clock.advance(world.store, "test", now + GRACE)
        assert {item.address for item in world.plan().items if item.address.startswith("model/")} >= {f"model/{name}" for name in left}
        world.apply()
        assert world.plan().empty
        assert of(world, left) == {"deployments": {}, "automations": {}, "serving": {}}
        assert {f"model/{name}" for name in specs.models} == {name for name in world.state().resources if name.startswith("model/")}
