"""A rollout that is tried on some: every share of it is among them, and its end is for everybody."""

from __future__ import annotations

from dataclasses import replace as but
from typing import Any

from rollout_values import CANARY, DAY

from headrace.store import Store, tables
from headrace.traffic import CHAMPION, OUTSIDE, Among, Arm

ONLY = Among(None, only=(("region", ("north", "east")), ("seats", (3.0,))))
TRIED = but(CANARY, only={"seats": [3.0], "region": ["north", "east"]})


def outside(store: Store, model: str, epoch: int, *, n: int, bad: int) -> None:
    """What those who take no part were answered."""
    with store.transaction("service:test", "count", model) as session:
        session.add(tables.TrafficCount(model=model, epoch=epoch, arm=OUTSIDE, metric="error_rate", worker="w", n=n, bad=bad))


def test_each_share_is_among_those_whom_it_names_and_the_promotion_is_for_all(world: Any) -> None:
    world.champion()
    world.look(canary=TRIED)
    assert ONLY == world.weights().among
    world.wait(14 * DAY)
    world.requests(60, 240)
    assert ("headrace.rollout.raised", ONLY) == (world.look(canary=TRIED).event, world.weights().among)
    world.requests(200, 200)
    promoted = world.look(canary=TRIED)
    assert (True, (Arm(CHAMPION, 2, 1.0),), None) == (promoted.passed, world.weights().arms, world.weights().among)


def test_what_those_outside_were_answered_is_no_evidence(world: Any) -> None:
    world.champion()
    world.look(canary=TRIED)
    world.wait(3 * DAY)
    outside(world.store, "m", world.weights().epoch, n=100_000, bad=50_000)
    world.requests(20, 80)
    evidence = world.look(canary=TRIED).payload["evidence"]["error_rate"]
    assert (20, 80, 0) == (evidence["n_candidate"], evidence["n_champion"], evidence["bad_champion"])


def test_a_rollout_for_all_names_nobody(world: Any) -> None:
    world.champion()
    world.look()
    assert world.weights().among is None
