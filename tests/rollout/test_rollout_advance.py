from dataclasses import asdict
from dataclasses import replace as but

import orjson
import pytest
from rollout_values import CANARY, DAY, T0

from headrace import registry, rollout, traffic
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import events
from headrace.traffic import CANDIDATE, CHAMPION, Arm


def test_the_first_version_is_promoted_at_once(world):
    world.passes(1)
    progress = world.look(cause="the event")
    assert (progress.passed, progress.event, world.aliases()) == (True, "headrace.rollout.promoted", {"champion": 1})
    assert (world.weights().arms, world.rows()[0].state, world.log()[0].cause) == ((Arm(CHAMPION, 1, 1.0),), "active", "the event")


def test_a_candidate_begins_at_the_first_share(world):
    world.champion()
    progress = world.look()
    assert (progress.event, progress.payload["state"], progress.payload["weight"]) == ("headrace.rollout.started", "deploying", 0.2)
    assert (world.weights().arms, world.due()) == (
        (Arm(CHAMPION, 1, 0.8), Arm(CANDIDATE, 2, 0.2)),
        [(3.5 * DAY, "the next look at the rollout")],
    )


def test_a_healthy_candidate_becomes_champion_before_its_steps_are_over(world):
    world.champion()
    world.look()
    world.wait(3 * DAY)
    world.requests(250, 1000)
    progress = world.look()
    assert (progress.passed, world.aliases(), world.weights().arms) == (True, {"champion": 2, "previous": 1}, (Arm(CHAMPION, 2, 1.0),))
    assert (world.due(), world.rows()[1].details["verdict"], world.kinds()) == ([], "healthy", ["promoted", "started", "promoted"])


def test_evidence_adds_up_over_the_steps(world):
    world.champion()
    world.look()
    world.requests(110, 440)
    world.wait(14 * DAY)
    world.requests(1, 4)
    raised = world.look()
    world.requests(120, 120)
    promoted = world.look()
    assert [raised.event, promoted.event] == ["headrace.rollout.raised", "headrace.rollout.promoted"]
    assert promoted.payload["evidence"]["error_rate"]["n_candidate"] == 231


def test_a_look_without_news_is_not_logged(world):
    world.champion()
    world.look()
    world.wait(DAY)
    world.requests(10, 40)
    progress = world.look()
    assert (progress.event, world.kinds(), world.due()) == (
        "headrace.rollout.looked",
        ["promoted", "started"],
        [(4.5 * DAY, "the next look at the rollout")],
    )


def test_harm_found_by_the_flow_gives_everything_back_and_says_both(world):
    world.champion()
    world.look()
    world.requests(20, 80, bad=18)
    progress = world.look()
    assert (progress.event, world.kinds()) == ("headrace.rollout.rolled_back", ["promoted", "started", "aborted", "rolled_back"])
    assert (world.weights().arms, world.aliases(), world.rows()[1].state) == ((Arm(CHAMPION, 1, 1.0),), {"champion": 1}, "rolled_back")


def test_an_abort_of_the_server_is_finished_by_the_flow(world):
    world.champion()
    world.look()
    world.requests(20, 80, bad=18)
    weights = world.weights()
    with world.store.read() as session:
        verdict = rollout.judgement.watch(CANARY).look(session, weights)
    traffic.abort(world.store, weights, verdict, world.now)
    (aborted,) = [event for event in world.log() if event.kind == "rollout.aborted"]
    progress = world.look(cause=aborted.id)
    assert (progress.event, world.kinds(), world.aliases()) == (
        "headrace.rollout.rolled_back",
        ["promoted", "started", "aborted", "rolled_back"],
        {"champion": 1},
    )
    assert (world.rows()[1].details["verdict"], world.due(), world.log()[-1].cause) == ("harmful", [], aborted.id)


def test_looking_again_after_the_end_changes_nothing(world):
    world.champion()
    world.look()
    world.requests(20, 80, bad=18)
    world.look()
    before = (world.kinds(), world.weights(), world.aliases(), [row.model_dump() for row in world.rows()])
    progress = world.look()
    assert (progress.event, progress.payload["state"]) == ("headrace.rollout.looked", "none")
    assert (world.kinds(), world.weights(), world.aliases(), [row.model_dump() for row in world.rows()]) == before


@pytest.mark.parametrize("broken", ["registry.promote", "events.append", "due.drop"])
def test_a_death_in_the_middle_of_a_promotion_is_taken_up_by_the_next_look(world, monkeypatch, broken):
    world.champion()
    world.look()
    world.requests(250, 1000)
    before = (world.kinds(), world.weights(), world.aliases())
    with monkeypatch.context() as patch:
        patch.setattr(f"headrace.rollout.carry_out.{broken}", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.look()
    assert (world.kinds(), world.weights(), world.aliases()) == before
    assert (world.look().event, world.aliases()["champion"]) == ("headrace.rollout.promoted", 2)


def test_a_candidate_that_nobody_asks_is_held_once_and_then_rolled_back(world):
    world.champion()
    world.look()
    for _ in range(14):
        world.wait(4 * DAY)
        world.requests(0, 50)
        world.look()
    assert world.kinds() == ["promoted", "started", "held", "rolled_back"]
    assert (world.rows()[1].details["verdict"], world.aliases()) == ("no-data", {"champion": 1})


def test_a_hold_is_over_when_the_candidate_answers_again(world):
    world.champion()
    world.look()
    world.wait(8 * DAY)
    world.look()
    world.requests(10, 40)
    world.look()
    world.wait(8 * DAY)
    world.look()
    assert world.kinds() == ["promoted", "started", "held", "held"]


def test_undecided_after_the_last_step_is_rolled_back(world):
    world.champion()
    world.look()
    for _ in range(13):
        world.wait(6 * DAY)
        world.requests(2, 8 if world.weights().share < 0.3 else 2)
        world.look()
    assert (world.kinds(), world.rows()[1].details["verdict"]) == (["promoted", "started", "raised", "rolled_back"], "undecided")


def test_a_newer_candidate_waits_for_the_end_and_then_begins(world):
    world.champion()
    world.look()
    world.passes(3)
    assert world.look().event == "headrace.rollout.looked"
    world.requests(20, 80, bad=18)
    world.look()
    assert (world.aliases(), world.due()) == ({"champion": 1, "candidate": 3}, [(0 * DAY, "a newer candidate waits")])
    assert (world.look().payload["candidate"], world.weights().arm(CANDIDATE).version) == (3, 3)


def test_of_several_that_wait_the_newest_goes(world):
    world.champion()
    world.look()
    world.passes(3)
    world.passes(4)
    world.requests(250, 1000)
    world.look()
    assert (world.look().payload["candidate"], world.aliases()) == (4, {"champion": 2, "previous": 1, "candidate": 4})


def test_counts_of_an_earlier_rollout_are_not_counted_again(world):
    world.champion()
    world.look()
    world.requests(20, 80, bad=18)
    world.look()
    with world.store.transaction("test", "again", "model/m") as session:
        registry.move(session, model="m", alias="candidate", number=2, at=world.now, reason="a second try")
    world.look()
    assert (world.look().payload["requests"], [row.state for row in world.rows()[1:]]) == (0, ["rolled_back", "deploying"])


def test_a_champion_that_was_moved_by_hand_fails_the_rollout(world):
    world.champion()
    world.look()
    world.register(3)
    with world.store.transaction("test", "by hand", "model/m") as session:
        registry.promote(session, model="m", number=3, at=world.now, reason="by hand")
    progress = world.look()
    assert (progress.payload["state"], world.weights().arms, world.aliases()["champion"]) == ("failed", (Arm(CHAMPION, 3, 1.0),), 3)


def test_progress_is_plain_json(world):
    world.champion()
    world.look()
    world.requests(10, 40)
    progress = world.look()
    assert orjson.loads(orjson.dumps(asdict(progress))) == asdict(progress)


def test_a_logged_announcement_has_the_id_that_is_emitted(world):
    world.champion()
    progress = world.look()
    assert (world.log()[-1].id, world.log()[-1].payload["id"]) == (progress.event_id, progress.event_id)


def test_a_hold_at_the_end_is_held_as_the_spec_says(world):
    world.champion()
    canary = but(CANARY, steps=CANARY.steps[:1], when_undecided="hold")
    world.look(canary)
    world.wait(14 * DAY)
    world.requests(5, 20)
    assert (world.look(canary).event, world.rows()[1].state, world.due()[0][0]) == ("headrace.rollout.held", "deploying", 17.5 * DAY)


def replaced(world):
    return rollout.replace(world.store, model="m", actor="test", cause=None)


def test_without_a_rollout_a_candidate_takes_over_at_once(world):
    world.passes(1)
    replaced(world)
    world.passes(2)
    progress = replaced(world)
    assert (progress.passed, world.aliases(), world.weights().arms) == (True, {"champion": 2, "previous": 1}, (Arm(CHAMPION, 2, 1.0),))
    assert replaced(world).event == "headrace.rollout.looked"


def test_a_rollout_whose_section_was_taken_away_ends_with_its_candidate_promoted(world):
    world.champion()
    world.look()
    replaced(world)
    assert ([row.state for row in world.rows()], world.aliases()["champion"]) == (["active", "active"], 2)


def test_a_newer_candidate_replaces_one_whose_section_was_taken_away(world):
    world.champion()
    world.look()
    world.passes(3)
    replaced(world)
    assert ([row.state for row in world.rows()], world.aliases()) == (["active", "rolled_back", "active"], {"champion": 3, "previous": 1})


def rolled_back(world):
    return rollout.roll_back(world.store, model="m", actor="test", reason="complaints")


def test_a_person_puts_the_previous_champion_back(world):
    world.champion()
    world.look()
    world.requests(250, 1000)
    world.look()
    result = rolled_back(world)
    assert (result, world.aliases(), world.weights().arms) == (
        {"model": "m", "champion": 1, "was": 2, "canary": None},
        {"champion": 1},
        (Arm(CHAMPION, 1, 1.0),),
    )
    assert ([row.state for row in world.rows()], world.log()[-1].payload["candidate"]) == (["active", "rolled_back"], 2)


def test_a_person_ends_a_rollout_that_is_running(world):
    world.champion()
    world.look()
    result = rolled_back(world)
    assert (result, world.aliases(), world.rows()[1].state) == (
        {"model": "m", "champion": 1, "was": 2, "canary": 2},
        {"champion": 1},
        "rolled_back",
    )


def test_a_person_ends_a_rollout_and_puts_the_champion_before_back(world):
    world.champion()
    world.look()
    world.requests(250, 1000)
    world.look()
    world.passes(3)
    world.look()
    rolled_back(world)
    assert (world.aliases(), [row.state for row in world.rows()]) == ({"champion": 1}, ["active", "rolled_back", "rolled_back"])


def test_where_nothing_came_before_a_rollback_is_refused(world):
    world.passes(1)
    world.look()
    with pytest.raises(HeadraceError) as raised:
        rolled_back(world)
    assert (raised.value.code, [d.id for d in raised.value.report], world.kinds()) == (Exit.REFUSED, ["no-previous"], ["promoted"])


def test_time_zero_is_the_clocks(world):
    world.champion()
    assert world.rows()[0].started_at == T0


def test_a_candidate_that_its_gates_reject_meanwhile_is_rolled_back(world):
    world.champion()
    world.look()
    world.requests(20, 80)
    with world.store.transaction("test", "judge again", "model/m") as session:
        registry.move(session, model="m", alias="candidate", number=None, at=world.now, reason="it no longer passes its gates")
        events.append(session, model="m", kind=events.EventKind.CANDIDATE_REJECTED, payload={"number": 2}, at=world.now)
    progress = world.look()
    assert (progress.event, progress.payload["reason"]) == ("headrace.rollout.rolled_back", "version 2 no longer passes its gates")
    assert (world.weights().arms, world.aliases(), world.rows()[1].state) == ((Arm(CHAMPION, 1, 1.0),), {"champion": 1}, "failed")
