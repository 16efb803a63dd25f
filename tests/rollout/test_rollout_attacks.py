"""What users of other tools complained about, and what somebody may do to a rollout: each of it, and that it changes no verdict."""

from dataclasses import replace
from datetime import timedelta
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_values import CANARY, DAY, HEALTHY, T0, counts, facts
from rollout_world import World
from sqlalchemy import insert

from headrace import registry, rollout, traffic
from headrace.rollout import Hold, Judge, Promote, RollBack, decide
from headrace.stats.eprocess import Stratum, e_beyond, e_ratio, e_within, mirrored
from headrace.store import Store, tables
from headrace.traffic import CANDIDATE, CHAMPION, Arm, WeightsConflict, assign

BY_UNIT = replace(CANARY, judge=[Judge(metric="error_rate", negligible=0.02, count="units")])


def answered(world, units, arm, *, times=1, failing=False):
    """Requests of units, as a server counts and journals them."""
    weights, rows = world.weights(), []
    for unit in units:
        for _ in range(times):
            world.units.record(weights.epoch, arm, failing, 0.01, [], candidate=weights.arm(CANDIDATE).version, unit=unit)
            rows.append(
                {
                    "id": f"u{next(world.serial)}",
                    "model": "m",
                    "version": weights.arm(arm).version,
                    "arm": arm,
                    "epoch": weights.epoch,
                    "entity": unit,
                    "at": world.now + timedelta(seconds=next(world.serial)),
                    "recorded_at": world.now,
                    "latency_us": 1,
                    "inputs": {},
                    "output": None if failing else 0.5,
                    "error": "it fell" if failing else None,
                    "unseen": [],
                }
            )
    world.units.flush(world.store)
    with world.store.transaction("test", "journal", "model/m") as session:
        session.connection().execute(insert(tables.Prediction), rows)


@pytest.fixture
def by_unit(world):
    world.units = traffic.Counter("units", model="m", units=True)
    world.champion()
    world.look(BY_UNIT)
    return world


def users(n, named="user"):
    return [f"{named} {i}" for i in range(n)]


def test_a_flood_of_failures_from_one_user_rolls_nothing_back(by_unit):
    answered(by_unit, users(40), CANDIDATE)
    answered(by_unit, users(160, "other"), CHAMPION)
    answered(by_unit, ["one user"], CANDIDATE, times=1000, failing=True)
    progress = by_unit.look(BY_UNIT)
    evidence = progress.payload["evidence"]["error_rate"]
    assert (progress.event, progress.payload["held"]) == ("headrace.rollout.looked", None)
    assert (evidence["n_candidate"], evidence["bad_candidate"]) == (41, 1)


def test_a_flood_of_successes_from_one_user_promotes_nothing(by_unit):
    answered(by_unit, users(40), CANDIDATE)
    answered(by_unit, users(160, "other"), CHAMPION)
    answered(by_unit, ["one user"], CANDIDATE, times=2000)
    progress = by_unit.look(BY_UNIT)
    assert (progress.event, progress.payload["evidence"]["error_rate"]["n_candidate"]) == ("headrace.rollout.looked", 41)


def test_many_units_that_fail_roll_back_and_many_that_do_not_promote(by_unit):
    answered(by_unit, users(30), CANDIDATE, failing=True)
    answered(by_unit, users(120, "other"), CHAMPION)
    assert by_unit.look(BY_UNIT).event == "headrace.rollout.rolled_back"


def test_many_units_that_do_not_fail_promote(by_unit):
    answered(by_unit, users(300), CANDIDATE)
    answered(by_unit, users(1200, "other"), CHAMPION)
    assert by_unit.look(BY_UNIT).event == "headrace.rollout.promoted"


def test_units_that_come_again_in_each_epoch_are_each_one(by_unit):
    """Counted once an epoch, 150 units would seem to be the 300 that suffice."""
    answered(by_unit, users(100), CANDIDATE)
    answered(by_unit, users(400, "other"), CHAMPION)
    by_unit.wait(14 * DAY)
    answered(by_unit, users(1), CANDIDATE)
    assert by_unit.look(BY_UNIT).event == "headrace.rollout.raised"
    answered(by_unit, users(100), CANDIDATE)
    answered(by_unit, users(100, "other"), CHAMPION)
    progress = by_unit.look(BY_UNIT)
    assert (progress.event, progress.payload["evidence"]["error_rate"]["n_candidate"]) == ("headrace.rollout.looked", 100)


def test_units_that_move_with_a_rising_share_do_not_make_it_wrong(by_unit):
    """Nobody is new after a raise: whoever is there is dealt to its arm, and that is what the share is of."""
    answered(by_unit, users(40), CANDIDATE)
    answered(by_unit, users(160, "other"), CHAMPION)
    by_unit.wait(14 * DAY)
    answered(by_unit, users(1), CANDIDATE)
    by_unit.look(BY_UNIT)
    answered(by_unit, [*users(40), *users(60, "other")], CANDIDATE)
    answered(by_unit, users(160, "other")[60:], CHAMPION)
    assert by_unit.look(BY_UNIT).payload["held"] is None


@st.composite
def strata(draw):
    found = []
    for _ in range(draw(st.integers(1, 3))):
        n, m = draw(st.integers(0, 500)), draw(st.integers(0, 500))
        found.append(Stratum(draw(st.floats(0.02, 0.98)), n, draw(st.integers(0, n)), m, draw(st.integers(0, m))))
    return found


@given(strata())
def test_swapped_arms_swap_the_verdict_and_change_nothing_else(seen):
    """What speaks for harm of one arm speaks for none of the other, and likeness is the same from either side."""
    swapped = mirrored(seen)
    assert isclose(e_within(seen, 1.5), e_within(swapped, 1.5), abs_tol=1e-6)
    assert isclose(e_beyond(seen, 1.5), e_beyond(swapped, 1.5), abs_tol=1e-6)
    assert not (e_ratio(seen) > 0 and e_ratio(swapped) > 0 and min(e_ratio(seen), e_ratio(swapped)) >= 3.0)
    again = mirrored(swapped)
    assert [(s.n_candidate, s.bad_candidate, s.n_champion, s.bad_champion) for s in again] == [
        (s.n_candidate, s.bad_candidate, s.n_champion, s.bad_champion) for s in seen
    ]


def test_a_clock_that_jumps_ahead_promotes_nothing_and_loses_no_step(world):
    """A year ahead in one look: what was due is one raise, silence holds, and no evidence is made of time."""
    world.champion()
    world.look()
    world.requests(30, 120)
    world.wait(365 * DAY)
    assert world.look().event == "headrace.rollout.rolled_back"
    assert world.aliases()["champion"] == 1


def test_a_clock_that_jumps_back_changes_nothing(world):
    """A wall clock that is set back an hour: nothing is over yet, and what was counted stands."""
    early = facts(day=1, counts=counts(HEALTHY))
    back = replace(early, now=T0 - timedelta(hours=1), driven=False, heard=T0 + DAY)
    assert not isinstance(decide(back), Promote | RollBack)
    assert isinstance(decide(replace(early, driven=False)), Promote)


def test_weights_that_do_not_sum_to_one_are_refused_and_leave_those_that_stood(world):
    world.champion()
    world.look()
    before = world.weights()
    arms = (Arm(CHAMPION, 1, 0.9), Arm(CANDIDATE, 2, 0.2))
    with pytest.raises(ValueError, match="do not add up to 1"), world.store.transaction("test", "shift", "model/m") as session:
        traffic.set_weights(session, model="m", expected=before.epoch, arms=arms, at=world.now, reason="test")
    assert world.weights() == before


def test_a_zero_share_is_zero():
    """Others took a coverage of 0 % for 100 %."""
    weights = ((CHAMPION, 1.0), (CANDIDATE, 0.0))
    assert {assign("m", f"unit {i}", weights) for i in range(2000)} == {CHAMPION}


def test_rolling_back_while_idle_is_refused_and_changes_nothing(world):
    """Elsewhere an abort without a rollout took the stable version away."""
    world.passes(1)
    world.look()
    before = (world.weights(), world.aliases(), world.kinds())
    with pytest.raises(Exception, match="no previous version"):
        rollout.roll_back(world.store, model="m", actor="user:test", reason="again")
    assert (world.weights(), world.aliases(), world.kinds()) == before


def test_rolling_back_twice_is_rolling_back_once(world):
    world.champion()
    world.look()
    rollout.roll_back(world.store, model="m", actor="user:test", reason="once")
    before = (world.weights(), world.aliases(), [row.state for row in world.rows()])
    with pytest.raises(Exception, match="no previous version"):
        rollout.roll_back(world.store, model="m", actor="user:test", reason="again")
    assert (world.weights(), world.aliases(), [row.state for row in world.rows()]) == before


def test_what_was_ended_by_hand_is_no_success(world):
    """Elsewhere what was terminated was marked successful."""
    world.champion()
    world.look()
    world.requests(250, 1000)
    rollout.roll_back(world.store, model="m", actor="user:test", reason="stop")
    row = world.rows()[1]
    assert (row.state, row.details["verdict"], world.aliases()["champion"]) == ("rolled_back", "by hand", 1)
    assert world.look().payload["state"] == "none"


def test_no_data_is_no_pass():
    """Elsewhere no traffic advanced, and fewer than twenty requests were a pass."""
    silent = facts(day=1, counts={}, heard=None)
    assert not isinstance(decide(silent), Promote)
    assert isinstance(decide(replace(silent, now=T0 + 10 * DAY)), Hold)


@pytest.mark.parametrize("then", ["hold", "rollback"])
def test_what_is_inconclusive_never_promotes(then):
    """Elsewhere an inconclusive analysis was promoted, or shipped at the end."""
    late = facts(day=400, canary=replace(CANARY, when_undecided=then))
    assert not isinstance(decide(late), Promote)


def test_a_champion_that_is_retired_in_mid_flight_fails_the_rollout_and_the_candidate_is_not_promoted(world):
    world.champion()
    world.look()
    world.requests(250, 1000)
    with world.store.transaction("test", "retire", "model/m") as session:
        registry.move(session, model="m", alias=registry.CHAMPION, number=None, at=world.now, reason="retired")
    progress = world.look()
    assert (progress.payload["state"], progress.payload["verdict"]) == ("failed", "failed")
    assert world.aliases().get("champion") is None


def at_once(store, looks):
    """Looks from as many threads, begun together; what each came to."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    start = Barrier(looks)

    def look():
        start.wait()
        try:
            return rollout.advance(store(), CANARY, model="m", actor="test", cause=None).event
        except WeightsConflict:
            return "conflict"

    with ThreadPoolExecutor(looks) as pool:
        return sorted(found.result() for found in [pool.submit(look) for _ in range(looks)])


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_of_looks_at_one_model_at_once_one_begins_the_rollout(database, request, tmp_path):
    url = request.getfixturevalue("postgres") if database == "postgresql" else "sqlite:///headrace.db"
    opened = [Store.open(url, "blobs", root=tmp_path) for _ in range(4)]
    world, others = World(opened[0]), iter(opened)
    try:
        world.champion()
        found = at_once(lambda: next(others), 4)
        assert found.count("headrace.rollout.started") == 1
        assert set(found) <= {"headrace.rollout.started", "headrace.rollout.looked", "conflict"}
        assert ([row.state for row in world.rows()], world.weights().share) == (["active", "deploying"], 0.2)
        assert world.kinds().count("started") == 1
    finally:
        for store in opened:
            store.close()
