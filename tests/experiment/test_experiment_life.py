"""From the hand-over to the decision: what each look does, what ends an experiment, and that it happens once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lived import CANARY, DAY, DECLARED, T0, Life

from headrace import experiment, rollout, traffic
from headrace.diagnostics import HeadraceError
from headrace.experiment import Decide, parsed
from headrace.experiment.decide import frozen
from headrace.experiment.state import MOVES, RUNNING, IllegalMove, State, moved
from headrace.rollout import compared
from headrace.rollout.judgement import watch
from headrace.store import Store
from headrace.traffic import OUTSIDE, enrolling

BOTH = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
UNITS = [str(n) for n in range(4000)]


@pytest.fixture
def life(store: Store) -> Life:
    return Life(store)


def dealt(life: Life) -> dict[str, str]:
    weights = life.weights()
    assert weights is not None
    arm = enrolling("m", weights.pairs, weights.among)
    return {unit: arm(unit) for unit in UNITS}


def ended(life: Life, number: int, champion: int = 1) -> tuple[object, ...]:
    return life.row().state, life.row().details["verdict"], life.rollouts()[number - 1], life.shares(), life.aliases(), life.due(), champion


@BOTH
def test_without_a_rollout_a_candidate_is_compared_at_once(life: Life) -> None:
    row = life.begun()
    among = life.weights().among  # type: ignore[union-attr]
    assert (row.state, row.number, row.candidate, row.champion) == ("running", 1, 2, 1)
    assert life.shares() == {"champion": (1, 0.5), "candidate": (2, 0.5)}
    assert (among.experiment, among.coverage) == (row.id, 0.4)  # type: ignore[union-attr]
    assert (row.enrols_until - T0, row.ends_at - T0, life.due()) == (20 * DAY, 30 * DAY, [7 * DAY])
    assert life.kinds() == ["rollout.promoted", "experiment.started"]
    assert (life.aliases(), life.rollouts()) == ({"candidate": 2, "champion": 1}, ["active", "comparing"])


def test_a_rollout_whose_metrics_passed_hands_over_and_promotes_nothing(life: Life) -> None:
    life.passes()
    life.look(canary=CANARY)
    life.passes()
    started = life.look(canary=CANARY)
    life.wait(DAY)
    life.requests(300, 1200)
    begun = life.look(canary=CANARY)
    assert (started.event, begun.event, begun.passed) == ("headrace.rollout.started", "headrace.experiment.started", False)
    assert life.kinds() == ["rollout.promoted", "rollout.started", "rollout.handed_over", "experiment.started"]
    assert (life.aliases(), life.shares()) == ({"candidate": 2, "champion": 1}, {"champion": (1, 0.5), "candidate": (2, 0.5)})


@BOTH
def test_a_win_promotes_and_all_traffic_is_the_winner_s(life: Life) -> None:
    life.begun()
    life.wait(7 * DAY)
    life.says = "win"
    progress = life.look()
    assert (progress.passed, progress.event, progress.payload["winner"]) == (True, "headrace.experiment.decided", "candidate")
    assert ended(life, 2)[:6] == ("decided", "win", "active", {"champion": (2, 1.0)}, {"champion": 2, "previous": 1}, [])
    assert (life.row().last_epoch, life.weights().among) == (2, None)  # type: ignore[union-attr]


@pytest.mark.parametrize("verdict", ["lose", "guardrail"])
def test_a_loss_gives_everything_back(life: Life, verdict: str) -> None:
    life.begun()
    life.wait(7 * DAY)
    life.says = verdict  # type: ignore[assignment]
    life.look()
    assert ended(life, 2)[:6] == ("decided", verdict, "rolled_back", {"champion": (1, 1.0)}, {"champion": 1}, [])


@pytest.mark.parametrize("verdict", ["undecided", "warming_up", "no_data", "invalid"])
def test_nothing_but_a_win_promotes_whatever_the_time(life: Life, verdict: str) -> None:
    life.begun()
    life.says = verdict  # type: ignore[assignment]
    for _ in range(4):
        life.wait(7 * DAY)
        life.look()
    assert (life.row().state, life.kinds().count("experiment.looked")) == ("stopped_enrolling", 4)
    life.wait(2 * DAY)
    life.look()
    assert ended(life, 2)[:4] == ("decided", "at_end", "rolled_back", {"champion": (1, 1.0)})


def test_a_look_is_taken_when_it_is_due_and_not_before(life: Life) -> None:
    life.begun()
    for days in (3, 4, 1, 6, 6, 1, 9):
        life.wait(days * DAY)
        life.look()
    assert [(at - T0).days for at in life.looked] == [7, 14, 21, 30]
    assert [one["information"] for one in life.row().details["looks"]] == [7 / 30, 14 / 30, 21 / 30, 1.0]


def test_enrolment_ends_before_the_last_answers_and_nobody_is_dealt_again(life: Life) -> None:
    life.begun(replace(DECLARED, looks=30 * DAY))
    before = life.shares()
    life.wait(20 * DAY)
    assert life.due() == [20 * DAY]
    progress = life.look(replace(DECLARED, looks=30 * DAY))
    assert (progress.event, life.row().state, life.shares()) == ("headrace.experiment.enrolled", "stopped_enrolling", before)


@pytest.mark.parametrize("decide", [Decide(win="keep"), Decide(guardrail="keep")])
def test_what_is_kept_answers_until_a_person_ends_it(life: Life, decide: Decide) -> None:
    declared = replace(DECLARED, decide=decide)
    life.begun(declared)
    before = life.shares()
    life.wait(7 * DAY)
    life.says = "win" if decide.win == "keep" else "guardrail"
    assert life.look(declared).payload["kept"]
    life.wait(7 * DAY)
    life.passes()
    assert (life.look(declared).event, life.shares(), life.row().state) == ("headrace.experiment.looked", before, "decided")
    experiment.stop(life.store, model="m", actor="me", reason="seen enough")
    assert (life.shares(), life.row().state, life.rollouts()[1]) == ({"champion": (1, 1.0)}, "stopped", "rolled_back")


def test_a_newer_candidate_waits_for_the_end(life: Life) -> None:
    life.begun()
    life.wait(DAY)
    life.passes()
    life.look()
    assert life.shares()["candidate"] == (2, 0.5)
    life.wait(6 * DAY)
    life.says = "lose"
    life.look()
    assert (life.aliases(), life.due()) == ({"candidate": 3, "champion": 1}, [7 * DAY])
    life.look()
    assert (life.row().number, life.shares()["candidate"]) == (2, (3, 0.5))


def test_a_raised_coverage_is_a_new_epoch_and_deals_nobody_again(life: Life) -> None:
    life.begun()
    before = dealt(life)
    progress = life.look(replace(DECLARED, coverage=0.7))
    after = dealt(life)
    assert (progress.event, parsed(life.row().declared).coverage) == ("headrace.experiment.changed", 0.7)
    assert {before[unit] for unit in UNITS if before[unit] != after[unit]} == {OUTSIDE}


def test_other_shares_are_a_new_epoch_and_a_second_look_changes_nothing(life: Life) -> None:
    life.begun()
    before, sixty = dealt(life), replace(DECLARED, arms={"champion": 0.4, "candidate": 0.6})
    life.look(sixty)
    after, epoch = dealt(life), life.weights().epoch  # type: ignore[union-attr]
    assert {(before[u], after[u]) for u in UNITS if before[u] != after[u]} == {("champion", "candidate")}
    life.look(sixty)
    assert life.weights().epoch == epoch  # type: ignore[union-attr]


def test_every_other_word_stands_still_while_it_runs(life: Life) -> None:
    life.begun()
    other = replace(DECLARED, alpha=0.5, coverage=0.1, lasts=9 * DAY, unit="sex")
    assert sorted(life.look(other).payload["frozen"]) == ["alpha", "coverage", "for", "unit"]
    assert parsed(life.row().declared) == DECLARED
    assert sorted(frozen(DECLARED, other)) == ["alpha", "coverage", "for", "unit"]
    assert frozen(DECLARED, replace(DECLARED, coverage=0.9, arms={"champion": 0.1, "candidate": 0.9})) == []


def champion_moved(life: Life) -> None:
    life.alias("champion", 3)


def weights_moved(life: Life) -> None:
    with life.store.transaction("me", "weigh", "model/m") as session:
        arms = [traffic.Arm("champion", 1, 0.9), traffic.Arm("candidate", 2, 0.1)]
        traffic.set_weights(session, model="m", expected=2, arms=arms, at=life.now, reason="me")


@pytest.mark.parametrize("hand", [champion_moved, weights_moved])
def test_what_another_hand_changed_compares_no_more(life: Life, hand: object) -> None:
    life.begun()
    life.passes("other")
    hand(life)  # type: ignore[operator]
    progress = life.look()
    champion = life.aliases()["champion"]
    assert (progress.event, life.row().state, life.rollouts()[1]) == ("headrace.experiment.failed", "failed", "failed")
    assert (life.shares(), "candidate" in life.aliases()) == ({"champion": (champion, 1.0)}, False)


def test_a_server_s_abort_ends_it(life: Life) -> None:
    life.passes()
    life.look(canary=CANARY)
    life.passes()
    life.look(canary=CANARY)
    life.requests(300, 1200)
    life.look(canary=CANARY)
    life.requests(40, 40, bad=30)
    weights = life.weights()
    assert weights is not None
    with life.store.read() as session:
        verdict = watch(CANARY).look(session, weights)
    assert verdict is not None
    traffic.abort(life.store, weights, verdict, life.now)
    assert life.shares() == {"champion": (1, 1.0), "candidate": (2, 0.0)}
    life.look(canary=CANARY)
    assert ended(life, 2)[:5] == ("decided", "harmful", "rolled_back", {"champion": (1, 1.0)}, {"champion": 1})
    assert life.row().last_epoch == 3


def test_harm_that_only_the_flow_has_seen_ends_it_too(life: Life) -> None:
    life.passes()
    life.look(canary=CANARY)
    life.passes()
    life.look(canary=CANARY)
    life.requests(300, 1200)
    life.look(canary=CANARY)
    life.requests(40, 40, bad=30)
    life.look(canary=CANARY)
    assert ended(life, 2)[:4] == ("decided", "harmful", "rolled_back", {"champion": (1, 1.0)})


def test_a_person_stops_it_and_cannot_twice(life: Life) -> None:
    life.begun()
    told = experiment.stop(life.store, model="m", actor="me", reason="the page was down")
    assert (told["champion"], life.row().state, life.row().details["reason"]) == (1, "stopped", "the page was down")
    assert (life.shares(), life.aliases(), life.kinds()[-1]) == ({"champion": (1, 1.0)}, {"champion": 1}, "experiment.stopped")
    with pytest.raises(HeadraceError, match="no-experiment-runs"):
        experiment.stop(life.store, model="m", actor="me", reason="again")


def test_a_rollback_by_hand_ends_the_experiment_with_its_rollout(life: Life) -> None:
    life.begun()
    rollout.roll_back(life.store, model="m", actor="me", reason="complaints")
    assert (life.row().state, life.row().last_epoch, life.rollouts()[1]) == ("failed", 2, "rolled_back")
    assert (life.look().payload["state"], life.shares()) == ("none", {"champion": (1, 1.0)})


def test_a_section_that_is_gone_promotes_nobody(life: Life) -> None:
    life.begun()
    rollout.replace(life.store, model="m", actor="me", cause=None)
    assert (life.row().state, life.rollouts()[1], life.aliases()) == ("failed", "failed", {"champion": 1})


def test_an_arm_that_names_no_version_is_waited_for(life: Life) -> None:
    three = replace(DECLARED, arms={"champion": 0.4, "candidate": 0.3, "challenger": 0.3})
    life.passes()
    life.look(three)
    life.passes()
    waits = life.look(three)
    assert (waits.payload["state"], waits.payload["reason"]) == ("waiting", "no version is called `challenger`, which is an arm of it")
    life.passes("challenger")
    life.look(three)
    assert life.shares() == {"champion": (1, 0.4), "candidate": (2, 0.3), "challenger": (3, 0.3)}
    life.wait(7 * DAY)
    life.says, life.winner = "win", "challenger"
    life.look(three)
    assert (life.shares(), life.aliases()["champion"], life.rollouts()[1]) == ({"champion": (3, 1.0)}, 3, "rolled_back")


def test_experiments_of_a_layer_have_slots_of_their_own_until_they_end(store: Store) -> None:
    one, other, third = Life(store, "a"), Life(store, "b"), Life(store, "c")
    layered = replace(DECLARED, layer="ads")
    one.begun(layered)
    other.begun(replace(layered, coverage=0.5))
    third.passes()
    third.look(replace(layered, coverage=0.3))
    third.passes()
    waits = third.look(replace(layered, coverage=0.3))
    found = [life.weights().among.slots for life in (one, other)]  # type: ignore[union-attr]
    assert (found, waits.payload["state"]) == ([((0.0, 0.4),), ((0.4, 0.9),)], "waiting")
    experiment.stop(store, model="a", actor="me", reason="done")
    third.look(replace(layered, coverage=0.3))
    assert third.weights().among.slots == ((0.0, 0.3),)  # type: ignore[union-attr]


@pytest.mark.parametrize("broken", ["won", "events.append", "ended"])
def test_a_death_in_the_middle_is_taken_up_by_the_next_look(life: Life, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    life.begun()
    life.wait(7 * DAY)
    life.says = "win"
    before = (life.kinds(), life.shares(), life.aliases(), life.row().model_dump())
    with monkeypatch.context() as patch:
        patch.setattr(f"headrace.experiment.carry_out.{broken}", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            life.look()
    assert (life.kinds(), life.shares(), life.aliases(), life.row().model_dump()) == before
    assert (life.look().passed, life.aliases()["champion"], life.kinds().count("experiment.decided")) == (True, 2, 1)


def test_a_metric_that_cannot_be_measured_decides_nothing(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.begun()
    life.wait(7 * DAY)
    before = (life.kinds(), life.shares(), life.row().model_dump())
    monkeypatch.setattr(life, "_looking", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        life.look()
    assert (life.kinds(), life.shares(), life.row().model_dump()) == before


def test_illegal_moves_are_refused() -> None:
    for state in (State.STOPPED, State.FAILED):
        assert MOVES[state] == frozenset()
    with pytest.raises(IllegalMove):
        moved("stopped_enrolling", State.RUNNING)


def test_both_rooms_name_the_states_that_have_not_ended_alike() -> None:
    assert set(compared.RUNNING) == {state.value for state in RUNNING}
