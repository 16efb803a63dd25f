from dataclasses import replace as but
from datetime import timedelta

import pytest
from rollout_values import CANARY, DAY, FEW, HARMFUL, HEALTHY, T0, WRONG_SHARE, counts, facts, weights

from headrace.rollout import Hold, Idle, Look, NoData, Promote, Raise, RollBack, Running, Start, Warmup, decide
from headrace.stats.eprocess import Stratum
from headrace.traffic import CHAMPION, Arm, Weights

LAST = Running(2, 1, 1, T0, T0 + 14 * DAY)


def test_without_a_candidate_there_is_nothing_to_do():
    assert decide(but(facts(), running=None)) == Idle()


def test_a_candidate_begins_at_the_first_step():
    found = decide(but(facts(day=0), running=None, waiting=2))
    assert found == Start(2, 1, T0 + 3.5 * DAY)


def test_the_first_version_has_nobody_to_be_compared_with():
    found = decide(but(facts(), running=None, waiting=1, champion=None, weights=None))
    assert (found.candidate, found.judgement) == (1, None)


def test_a_newer_candidate_waits():
    assert isinstance(decide(facts(waiting=3)), Look)


def test_the_next_look_comes_four_times_a_step_and_at_its_end():
    assert [decide(facts(day=day)).look - T0 for day in (1, 12)] == [4.5 * DAY, 14 * DAY]


def test_every_metric_passed_promotes_before_the_step_is_over():
    found = decide(facts(day=1, counts=counts(HEALTHY)))
    assert (type(found), found.candidate, found.judgement.passed) == (Promote, 2, ("error_rate", "slow_request"))


def test_one_metric_alone_promotes_nothing():
    found = decide(facts(counts=counts(HEALTHY, FEW)))
    assert (type(found), found.judgement.passed) == (Look, ("error_rate",))


def test_a_metric_that_has_passed_stays_passed():
    found = decide(facts(running=Running(2, 1, 0, T0, T0, passed=("error_rate",)), counts=counts(FEW, HEALTHY)))
    assert isinstance(found, Promote)


def test_a_metric_that_is_judged_no_more_does_not_promote():
    passed = Running(2, 1, 0, T0, T0, passed=("accuracy", "error_rate"))
    assert decide(facts(running=passed)).judgement.passed == ("error_rate",)


def test_nothing_to_judge_by_is_never_a_pass():
    bare = but(CANARY, judge=[])
    found = decide(facts(canary=bare, counts={"error_rate": HEALTHY}))
    assert isinstance(found, Look)


@pytest.mark.parametrize(("requests", "kind"), [(401, Look), (400, Promote)])
def test_a_warm_up_of_requests_promotes_nothing(requests, kind):
    canary = but(CANARY, warmup=Warmup(requests=requests))
    found = decide(facts(canary=canary, counts=counts(HEALTHY)))
    assert (type(found), found.judgement.passed) == (kind, () if kind is Look else ("error_rate", "slow_request"))


@pytest.mark.parametrize(("driven", "kind"), [(False, Look), (True, Promote)])
def test_a_driven_clock_counts_requests_alone_for_the_warm_up(driven, kind):
    canary = but(CANARY, warmup=Warmup(requests=20, time=2 * DAY))
    assert type(decide(facts(canary=canary, driven=driven, counts=counts(HEALTHY)))) is kind


def test_harm_rolls_back_at_once():
    found = decide(facts(counts=counts(HARMFUL)))
    assert (type(found), found.verdict, found.abort.metric) == (RollBack, "harmful", "error_rate")


def test_harm_counts_during_the_warm_up():
    canary = but(CANARY, warmup=Warmup(requests=10_000))
    assert decide(facts(canary=canary, counts=counts(HARMFUL))).verdict == "harmful"


def test_an_abort_while_serving_is_finished():
    found = decide(facts(weights=weights(share=0.0), counts=counts(HEALTHY)))
    assert (type(found), found.verdict, found.abort) == (RollBack, "harmful", None)


def test_a_step_that_is_over_is_raised():
    found = decide(facts(day=14))
    assert (type(found), found.step, found.look) == (Raise, 1, T0 + 28 * DAY)


def test_a_missed_step_is_raised_once_a_look():
    assert decide(facts(day=500)).step == 1


@pytest.mark.parametrize(("then", "kind"), [("rollback", RollBack), ("hold", Hold)])
def test_undecided_after_the_last_step_is_never_a_promotion(then, kind):
    found = decide(facts(day=70, running=LAST, canary=but(CANARY, when_undecided=then)))
    assert (type(found), found.reason) == (kind, "the last step is over without a decision")


def test_a_step_that_was_taken_out_of_the_spec_is_the_last_one():
    found = decide(facts(day=20, running=LAST, canary=but(CANARY, steps=CANARY.steps[:1])))
    assert isinstance(found, Look)


def test_silence_holds_and_raises_nothing():
    found = decide(facts(day=14, heard=T0 + 1 * DAY))
    assert (type(found), found.kind, found.look) == (Hold, "no-data", T0 + 21 * DAY)


def test_silence_to_the_deadline_rolls_back():
    assert [type(decide(facts(day=day, heard=T0))) for day in (7, 8, 48, 49)] == [Look, Hold, Hold, RollBack]


def test_a_candidate_that_never_answered_is_no_data():
    found = decide(facts(day=60, heard=None, counts=counts([Stratum(0.2, 0, 0, 5000, 0)])))
    assert (type(found), found.verdict) == (RollBack, "no-data")


def test_silence_may_roll_back_at_once():
    canary = but(CANARY, no_data=NoData(after=7 * DAY, then="rollback", deadline=42 * DAY))
    assert decide(facts(day=8, canary=canary, heard=T0)).verdict == "no-data"


def test_silence_promotes_nothing_even_where_all_had_passed():
    assert isinstance(decide(facts(day=9, heard=T0, counts=counts(HEALTHY))), Hold)


def test_what_was_heard_before_the_rollout_is_no_sign_of_life():
    late = Running(2, 1, 0, T0, T0)
    assert decide(facts(day=8, running=late, heard=T0 - 100 * DAY)).kind == "no-data"


def test_a_wrong_share_holds_and_promotes_nothing():
    found = decide(facts(counts=counts(WRONG_SHARE)))
    assert (type(found), found.kind) == (Hold, "wrong-share")


def test_a_wrong_share_is_never_forgotten():
    found = decide(facts(running=Running(2, 1, 0, T0, T0, wrong_share=True), counts=counts(HEALTHY)))
    assert isinstance(found, Hold)


def test_a_wrong_share_is_rolled_back_when_all_steps_would_be_over():
    assert [type(decide(facts(day=day, counts=counts(WRONG_SHARE)))) for day in (69, 70)] == [Hold, RollBack]


@pytest.mark.parametrize(
    "changed",
    [
        {"champion": 3},
        {"champion": None},
        {"weights": None},
        {"weights": weights(candidate=9)},
        {"weights": weights(champion=9)},
        {"weights": Weights("m", 4, (Arm(CHAMPION, 1, 1.0),))},
    ],
)
def test_a_rollout_without_its_ground_has_failed(changed):
    found = decide(facts(**changed, counts=counts(HEALTHY)))
    assert (type(found), found.verdict) == (RollBack, "failed")


def test_the_judge_counts_slow_requests_beyond_its_limit():
    from headrace.rollout.judgement import watch

    assert [rule.over for rule in watch(CANARY).rules] == [None, timedelta(milliseconds=250).total_seconds()]
