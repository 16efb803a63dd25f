"""What no facts whatever may bring about."""

import sys
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "rollout"))

from rollout_values import T0

from headrace.rollout import (
    Bake,
    Canary,
    Facts,
    Hold,
    Judge,
    NoData,
    Promote,
    Raise,
    RollBack,
    Running,
    Start,
    StartBake,
    Step,
    Warmup,
    decide,
)
from headrace.stats.eprocess import Stratum
from headrace.traffic import CANDIDATE, CHAMPION, Arm, Weights

DAYS = st.integers(0, 120).map(lambda day: T0 + timedelta(days=day))
METRICS = ("error_rate", "slow_request")


@st.composite
def stratum(draw):
    n, b = draw(st.integers(0, 3000)), draw(st.integers(0, 3000))
    return Stratum(draw(st.sampled_from([0.05, 0.2, 0.5])), n, draw(st.integers(0, min(n, 30))), b, draw(st.integers(0, min(b, 30))))


@st.composite
def canaries(draw):
    return Canary(
        unit="u",
        steps=[
            Step(weight=0.1, hold=timedelta(days=draw(st.integers(1, 30))), then=draw(st.sampled_from([None, None, "wait"])))
            for _ in range(draw(st.integers(1, 3)))
        ],
        bake=draw(st.none() | st.integers(1, 30).map(lambda days: Bake(time=timedelta(days=days), holdback=0.1))),
        judge=[Judge(metric=metric, negligible=0.02) for metric in draw(st.sampled_from([(), METRICS[:1], METRICS]))],
        when_undecided=draw(st.sampled_from(["rollback", "hold"])),
        warmup=Warmup(requests=draw(st.integers(0, 500)), time=timedelta(days=draw(st.integers(0, 3)))),
        no_data=NoData(after=timedelta(days=5), then=draw(st.sampled_from(["hold", "rollback"])), deadline=timedelta(days=9)),
    )


@st.composite
def situations(draw):
    start = draw(DAYS)
    running = Running(
        2,
        1,
        draw(st.integers(0, 3)),
        start,
        start,
        tuple(draw(st.sets(st.sampled_from(METRICS)))),
        draw(st.booleans()),
        baking=draw(st.booleans()),
        paused=draw(st.sampled_from([None, None, "paused by somebody"])),
        resumed_at=draw(st.none() | DAYS),
        released=draw(st.integers(-1, 2)),
    )
    share = draw(st.sampled_from([0.0, 0.1, 0.5]))
    return Facts(
        canary=draw(canaries()),
        now=start + timedelta(days=draw(st.integers(0, 90))),
        driven=draw(st.booleans()),
        running=draw(st.sampled_from([running, running, running, None])),
        waiting=draw(st.sampled_from([None, 3])),
        champion=draw(st.sampled_from([1, 1, 1, 4, None])),
        weights=draw(st.sampled_from([None, *[Weights("m", 1, (Arm(CHAMPION, 1, 1 - share), Arm(CANDIDATE, 2, share)))] * 4])),
        counts={metric: draw(st.lists(stratum(), max_size=3)) for metric in METRICS},
        heard=draw(st.none() | DAYS),
    )


@given(situations())
@settings(max_examples=300, deadline=None)
def test_promotion_needs_all_that_it_needs(facts):
    action = decide(facts)
    if isinstance(action, Promote) and facts.running is not None:
        running = facts.running
        heard = max(facts.heard or running.started_at, running.started_at, running.resumed_at or running.started_at)
        assert (
            action.candidate,
            set(action.judgement.passed),
            action.judgement.abort,
            action.judgement.wrong_share or facts.running.wrong_share,
            facts.weights.share > 0,
            facts.champion == facts.running.champion,
            facts.now - heard <= facts.canary.no_data.after,
        ) == (2, {judge.metric for judge in facts.canary.judge}, None, False, True, True, True)
        assert facts.canary.judge
        assert facts.canary.bake is None or (running.baking and facts.now >= running.step_since + facts.canary.bake.time)


@given(situations())
@settings(max_examples=300, deadline=None)
def test_what_is_paused_gets_no_more_traffic_and_is_not_rolled_back_for_silence(facts):
    action = decide(facts)
    if facts.running is not None and facts.running.paused is not None:
        assert isinstance(action, Hold | RollBack)
        assert not isinstance(action, RollBack) or action.verdict in {"harmful", "failed"}


@given(situations())
@settings(max_examples=300, deadline=None)
def test_a_step_that_waits_is_left_only_once_a_person_lets_it_go_on(facts):
    action, running = decide(facts), facts.running
    if isinstance(action, Raise | StartBake | Promote) and running is not None and not running.baking:
        step = facts.canary.steps[min(running.step, len(facts.canary.steps) - 1)]
        assert step.then is None or running.released >= running.step


@given(situations())
@settings(max_examples=300, deadline=None)
def test_evidence_of_harm_always_rolls_back(facts):
    action = decide(facts)
    if facts.running is not None and getattr(action, "judgement", None) is not None and action.judgement.abort is not None:
        assert isinstance(action, RollBack)


@given(situations())
@settings(max_examples=300, deadline=None)
def test_a_next_look_is_in_the_future_and_within_a_step(facts):
    look = getattr(decide(facts), "look", None)
    if look is not None:
        longest = max(
            *(step.hold for step in facts.canary.steps),
            facts.canary.bake.time if facts.canary.bake else timedelta(),
            facts.canary.no_data.after,
        )
        assert facts.now < look <= facts.now + longest


@given(situations())
@settings(max_examples=200, deadline=None)
def test_a_candidate_begins_only_against_a_champion_and_a_step_is_never_skipped(facts):
    match decide(facts):
        case Start(candidate, champion):
            assert (facts.running, candidate, champion) == (None, facts.waiting, facts.champion)
        case Raise(step=step):
            assert step == facts.running.step + 1 < len(facts.canary.steps)


@given(situations())
@settings(max_examples=100, deadline=None)
def test_the_same_facts_are_decided_alike(facts):
    assert decide(facts) == decide(facts)
