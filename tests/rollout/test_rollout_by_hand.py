from dataclasses import replace as but

import pytest
from rollout_values import CANARY, DAY

from headrace import registry, rollout, traffic
from headrace.diagnostics import Exit, HeadraceError
from headrace.rollout import UNGOVERNED, Bake, by_hand
from headrace.rollout.judgement import watch
from headrace.store import EventKind, events
from headrace.traffic import CANDIDATE, CHAMPION, Arm

WAITS = but(CANARY, steps=[but(CANARY.steps[0], then="wait"), CANARY.steps[1]])


@pytest.fixture
def running(world):
    world.champion()
    world.look()
    return world


def done(world, what, **more):
    return getattr(by_hand, what)(world.store, model="m", actor="user:ana", reason="because", **more)


def promoted(world):
    return done(world, "promote", governed=UNGOVERNED)


def everything(world):
    return (world.kinds(), world.weights(), world.aliases(), world.due(), [row.model_dump() for row in world.rows()])


def test_what_is_paused_is_neither_promoted_nor_raised_nor_rolled_back_for_silence(running):
    assert done(running, "pause").changed
    running.requests(250, 1000)
    passed = running.look()
    running.wait(100 * DAY)
    silent = running.look()
    assert [passed.event, silent.event] == ["headrace.rollout.looked", "headrace.rollout.looked"]
    assert (running.weights().share, running.aliases(), silent.payload["held"]) == (0.2, {"champion": 1, "candidate": 2}, "paused")
    assert silent.payload["reason"] == "paused by user:ana: because"


def test_harm_ends_what_is_paused(running):
    done(running, "pause")
    running.requests(20, 80, bad=18)
    assert (running.look().event, running.aliases()) == ("headrace.rollout.rolled_back", {"champion": 1})


def test_a_server_ends_what_is_paused(running):
    done(running, "pause")
    running.requests(20, 80, bad=18)
    weights = running.weights()
    with running.store.read() as session:
        verdict = watch(CANARY).look(session, weights)
    traffic.abort(running.store, weights, verdict, running.now)
    assert running.look().event == "headrace.rollout.rolled_back"


def test_paused_twice_is_paused_once(running):
    done(running, "pause")
    before = everything(running)
    again = done(running, "pause")
    assert (again.changed, again.reason, everything(running)) == (False, "it is paused already", before)


def test_a_step_holds_for_as_much_longer_as_it_was_paused(running):
    running.wait(10 * DAY)
    running.requests(10, 40)
    done(running, "pause")
    running.wait(10 * DAY)
    running.requests(10, 40)
    assert done(running, "resume").changed
    assert running.due()[0] == (20 * DAY, "it was resumed")
    looked = running.look()
    running.wait(4 * DAY)
    running.requests(1, 4)
    raised = running.look()
    assert [looked.event, raised.event] == ["headrace.rollout.looked", "headrace.rollout.raised"]


def test_silence_is_counted_from_the_moment_it_goes_on(running):
    done(running, "pause")
    running.wait(100 * DAY)
    done(running, "resume")
    running.wait(6 * DAY)
    assert running.look().payload["held"] is None
    running.wait(2 * DAY)
    assert running.look().payload["held"] == "no-data"


def test_a_step_that_waits_is_held_once_and_goes_on_when_a_person_says_so(world):
    world.champion()
    world.look(WAITS)
    world.wait(14 * DAY)
    world.requests(10, 40)
    held, again = world.look(WAITS), world.look(WAITS)
    assert (held.event, held.payload["held"], again.event) == ("headrace.rollout.held", "paused", "headrace.rollout.looked")
    assert done(world, "resume").changed
    assert (world.look(WAITS).event, world.weights().share) == ("headrace.rollout.raised", 0.5)


def test_a_candidate_that_has_passed_in_a_step_that_waits_is_promoted_when_a_person_says_so(world):
    world.champion()
    world.look(WAITS)
    world.requests(250, 1000)
    held = world.look(WAITS)
    done(world, "resume")
    assert (held.payload["held"], world.look(WAITS).event) == ("paused", "headrace.rollout.promoted")


def test_what_is_not_paused_cannot_be_resumed(running):
    before = everything(running)
    told = done(running, "resume")
    assert (told.changed, told.reason, everything(running)) == (False, "it is not paused", before)


@pytest.mark.parametrize("what", ["pause", "resume", "abort"])
def test_while_idle_nothing_is_done_and_that_is_said(world, what):
    world.passes(1)
    world.look()
    before = everything(world)
    told = done(world, what)
    assert (told.changed, told.reason, everything(world)) == (False, "no rollout runs", before)


def test_an_abort_gives_everything_back_and_leaves_the_champion_where_it_is(running):
    told = done(running, "abort")
    assert (told.changed, told.candidate, running.weights().arms) == (True, 2, (Arm(CHAMPION, 1, 1.0),))
    assert (running.aliases(), running.rows()[1].state, running.rows()[1].details["verdict"]) == (
        {"champion": 1},
        "rolled_back",
        "by hand",
    )
    assert (running.log()[-1].kind, running.log()[-1].actor) == (EventKind.ROLLOUT_ROLLED_BACK, "user:ana")


def test_aborted_twice_is_aborted_once(running):
    done(running, "abort")
    before = everything(running)
    assert (done(running, "abort").reason, everything(running)) == ("no rollout runs", before)


def test_an_abort_finishes_what_a_server_aborted(running):
    running.requests(20, 80, bad=18)
    weights = running.weights()
    with running.store.read() as session:
        verdict = watch(CANARY).look(session, weights)
    traffic.abort(running.store, weights, verdict, running.now)
    assert done(running, "abort").changed
    assert (running.kinds(), running.weights().arms) == (["promoted", "started", "aborted", "rolled_back"], (Arm(CHAMPION, 1, 1.0),))
    assert running.look().payload["state"] == "none"


def test_an_abort_with_a_champion_before_does_not_go_back_to_that_one(running):
    promoted(running)
    running.passes(3)
    running.look()
    done(running, "abort")
    assert running.aliases() == {"champion": 2, "previous": 1}


def test_a_promotion_by_hand_is_recorded_as_one(running):
    told = promoted(running)
    assert (told.changed, running.aliases(), running.weights().arms) == (
        True,
        {"champion": 2, "previous": 1},
        (Arm(CHAMPION, 2, 1.0),),
    )
    last = running.log()[-1]
    assert (last.kind, last.actor, last.payload["verdict"], last.payload["reason"]) == (
        EventKind.ROLLOUT_PROMOTED,
        "user:ana",
        "by hand",
        "by hand: because",
    )
    assert running.rows()[1].state == "active"


def test_a_bake_is_left_out_by_a_promotion_by_hand(world):
    baked = but(CANARY, bake=Bake(time=8 * DAY))
    world.champion()
    world.look(baked)
    promoted(world)
    assert (world.look(baked).event, world.weights().arms) == ("headrace.rollout.looked", (Arm(CHAMPION, 2, 1.0),))


def test_what_waits_for_its_rollout_can_be_promoted(world):
    world.champion()
    assert (promoted(world).candidate, world.aliases()["champion"]) == (2, 2)


def refused(world):
    before = everything(world)
    with pytest.raises(HeadraceError) as raised:
        promoted(world)
    assert (raised.value.code, everything(world)) == (Exit.REFUSED, before)
    (fault,) = raised.value.report
    return fault.id, fault.message


def test_without_a_candidate_there_is_nothing_to_promote(world):
    world.passes(1)
    world.look()
    assert refused(world)[0] == "no-candidate"


def test_what_a_server_aborted_is_not_promoted_by_hand(running):
    running.requests(20, 80, bad=18)
    weights = running.weights()
    with running.store.read() as session:
        verdict = watch(CANARY).look(session, weights)
    traffic.abort(running.store, weights, verdict, running.now)
    assert refused(running) == ("not-promotable", "model/m v2 cannot be promoted: it was aborted while serving")


def test_what_its_gates_reject_is_not_promoted_by_hand(running):
    with running.store.transaction("test", "judge again", "model/m") as session:
        events.append(session, model="m", kind=EventKind.CANDIDATE_REJECTED, payload={"number": 2}, at=running.now)
    assert refused(running) == ("not-promotable", "model/m v2 cannot be promoted: it no longer passes its gates")


def test_a_paused_rollout_outlives_its_section(running):
    done(running, "pause")
    held = rollout.replace(running.store, model="m", actor="test", cause=None)
    assert (held.payload["held"], running.aliases()["champion"]) == ("paused", 1)
    done(running, "resume")
    assert rollout.replace(running.store, model="m", actor="test", cause=None).passed


def test_how_a_rollout_stands_is_told_from_the_store_alone(running):
    running.requests(10, 40, bad=1)
    running.look()
    done(running, "pause")
    with running.store.read() as session:
        found = by_hand.standing(session, "m")
    assert (found["state"], found["running"], found["share"], found["paused"]["by"]) == ("deploying", True, 0.2, "user:ana")
    assert (found["evidence"]["error_rate"]["bad_candidate"], found["look"][:10]) == (1, "2026-03-04")
    done(running, "abort")
    with running.store.read() as session:
        found = by_hand.standing(session, "m")
    assert (found["state"], found["running"], found["share"], found["verdict"]) == ("rolled_back", False, 0.0, "by hand")


def test_without_a_rollout_there_is_nothing_to_tell(world):
    with world.store.read() as session:
        assert by_hand.standing(session, "m") is None


def test_a_candidate_that_was_moved_away_leaves_nothing_to_promote(world):
    world.champion()
    with world.store.transaction("test", "take away", "model/m") as session:
        registry.move(session, model="m", alias=CANDIDATE, number=None, at=world.now, reason="test")
    assert refused(world)[0] == "no-candidate"
