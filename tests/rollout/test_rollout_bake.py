from dataclasses import replace as but

import pytest
from rollout_values import CANARY, DAY, FEW, HARMFUL, HEALTHY, T0, WRONG_SHARE, counts, facts, weights

from headrace import rollout, traffic
from headrace.rollout import Bake, Hold, Judge, Look, Promote, RollBack, Running, StartBake, decide
from headrace.rollout.decide import interval
from headrace.rollout.judgement import watch
from headrace.traffic import CANDIDATE, CHAMPION, Arm

BAKED = but(CANARY, bake=Bake(time=8 * DAY, holdback=0.1))
PASSED = ("error_rate", "slow_request")


def baking(day=1, **changes):
    running = Running(2, 1, 0, T0 - DAY, T0, passed=changes.pop("passed", PASSED), baking=True)
    return facts(day=day, **({"canary": BAKED, "running": running, "weights": weights(0.9)} | changes))


def test_with_a_bake_every_metric_passed_gives_all_but_the_holdback():
    found = decide(facts(canary=BAKED, counts=counts(HEALTHY)))
    assert (type(found), found.share, found.look - T0) == (StartBake, 0.9, 3 * DAY)


def test_a_bake_is_looked_at_four_times_and_at_its_end():
    assert [decide(baking(day)).look - T0 for day in (1, 7)] == [3 * DAY, 8 * DAY]
    assert interval(BAKED, 1, baking=True) == 2 * DAY


def test_the_end_of_a_bake_promotes():
    found = decide(baking(8))
    assert (type(found), found.candidate, found.judgement.passed) == (Promote, 2, PASSED)


@pytest.mark.parametrize(("changes", "verdict"), [({"counts": counts(HARMFUL)}, "harmful"), ({"weights": weights(0.0)}, "harmful")])
def test_harm_in_a_bake_rolls_back_though_every_metric_had_passed(changes, verdict):
    found = decide(baking(8, **changes))
    assert (type(found), found.verdict) == (RollBack, verdict)


def test_a_bake_whose_requests_arrive_at_another_share_promotes_nothing():
    found = [decide(baking(day, counts=counts(WRONG_SHARE))) for day in (7, 8)]
    assert [(type(one), getattr(one, "kind", None)) for one in found] == [(Hold, "wrong-share"), (RollBack, None)]


def test_a_bake_without_a_request_promotes_nothing():
    found = decide(baking(8, heard=T0))
    assert (type(found), found.kind) == (Hold, "no-data")


def test_a_metric_that_the_section_got_in_the_bake_must_pass_too():
    more = but(BAKED, judge=[*BAKED.judge, Judge(metric="slow_request", over=DAY)])
    found = decide(baking(8, canary=but(more, judge=[Judge(metric="slow_request", over=DAY)]), passed=("error_rate",)))
    assert (type(found), found.verdict, found.reason) == (RollBack, "undecided", "the bake is over without a decision")


def test_a_bake_that_is_declared_no_more_is_over():
    assert (type(decide(baking(1, canary=CANARY))), type(decide(baking(1)))) == (Promote, Look)


def test_nothing_passes_for_the_first_time_by_a_bake_alone():
    assert isinstance(decide(baking(8, passed=(), counts=counts(FEW))), RollBack)


def baked(world):
    world.champion()
    world.look(BAKED)
    world.requests(250, 1000)
    return world.look(BAKED)


def test_while_it_bakes_the_alias_stays_and_the_champion_keeps_the_holdback(world):
    progress = baked(world)
    assert (progress.passed, progress.event, progress.payload["state"]) == (False, "headrace.rollout.raised", "baking")
    assert (world.aliases(), world.rows()[1].state) == ({"champion": 1, "candidate": 2}, "baking")
    assert [(arm.version, round(arm.weight, 9)) for arm in world.weights().arms] == [(1, 0.1), (2, 0.9)]
    assert world.due() == [(2 * DAY, "the next look at the rollout")]


def test_a_look_in_the_bake_promotes_nothing_and_its_end_does(world):
    baked(world)
    world.wait(4 * DAY)
    world.requests(90, 10)
    early = world.look(BAKED)
    world.wait(4 * DAY)
    world.requests(90, 10)
    late = world.look(BAKED)
    assert (early.event, late.event, late.passed) == ("headrace.rollout.looked", "headrace.rollout.promoted", True)
    assert (world.aliases(), world.weights().arms, world.rows()[1].details["verdict"]) == (
        {"champion": 2, "previous": 1},
        (Arm(CHAMPION, 2, 1.0),),
        "healthy",
    )


def test_counts_of_the_steps_and_of_the_bake_are_one_rollouts(world):
    baked(world)
    world.requests(90, 10)
    assert world.look(BAKED).payload["evidence"]["error_rate"]["n_candidate"] == 340


def test_harm_in_the_bake_is_found_by_the_server_and_ends_the_rollout(world):
    baked(world)
    world.requests(300, 30, bad=200)
    standing = world.weights()
    with world.store.read() as session:
        verdict = watch(BAKED).look(session, standing)
    traffic.abort(world.store, standing, verdict, world.now)
    assert world.weights().pairs == ((CHAMPION, 1.0), (CANDIDATE, 0.0))
    progress = world.look(BAKED)
    assert (progress.event, world.aliases(), world.rows()[1].state) == ("headrace.rollout.rolled_back", {"champion": 1}, "rolled_back")


@pytest.mark.parametrize("broken", ["traffic.set_weights", "moved", "due.put"])
def test_a_death_at_the_beginning_of_a_bake_is_taken_up_by_the_next_look(world, monkeypatch, broken):
    world.champion()
    world.look(BAKED)
    world.requests(250, 1000)
    before = (world.kinds(), world.weights(), world.rows()[1].state)
    with monkeypatch.context() as patch:
        patch.setattr(f"headrace.rollout.carry_out.{broken}", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.look(BAKED)
    assert (world.kinds(), world.weights(), world.rows()[1].state) == before
    assert (world.look(BAKED).payload["state"], world.look(BAKED).event) == ("baking", "headrace.rollout.looked")


def test_a_person_who_rolls_back_in_a_bake_gets_the_champion_and_not_the_one_before(world):
    baked(world)
    world.wait(8 * DAY)
    world.requests(90, 10)
    world.look(BAKED)
    world.passes(3)
    world.look(BAKED)
    world.requests(250, 1000)
    world.look(BAKED)
    assert world.rows()[2].state == "baking"
    told = rollout.roll_back(world.store, model="m", actor="test", reason="complaints")
    assert (told["champion"], told["was"], world.aliases(), world.rows()[2].state) == (
        2,
        3,
        {"champion": 2, "previous": 1},
        "rolled_back",
    )


def test_a_first_version_bakes_beside_nobody(world):
    world.passes(1)
    assert world.look(BAKED).passed
