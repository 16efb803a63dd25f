"""Simulated experiments go the way of real ones: what is passed over would have decided nothing, and what is drawn is as it is declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from headrace.experiment import design
from headrace.experiment.characteristics import bound, told, usual
from headrace.experiment.declared import Decide, Declared, Guardrail, Primary
from headrace.experiment.simulate import ENDS, GUARDED, INVALID, LOST, UNDECIDED, WON, looks, simulate
from headrace.experiment.world import Value, World
from headrace.spec.quantity import Difference
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion

DECLARED = Declared(
    arms={"champion": 0.5, "candidate": 0.5},
    unit="person_id",
    primary=(Primary(metric="accuracy", detect=Difference(0.04, relative=False), baseline=0.8),),
    guardrails=(Guardrail(metric="error_rate", worse_by_at_most=Difference(0.02, relative=False)),),
    lasts=timedelta(days=8),
    delay=timedelta(hours=36),
)
VALUES = {"accuracy": Value(first=0.8, last=0.8, better="higher"), "error_rate": Value(first=0.02, last=0.02, better="lower")}
THREE = {"champion": 0.5, "candidate": 0.3, "other": 0.2}


def world(declared: Declared = DECLARED, **more: object) -> World:
    made = World(name="", per_day=500, values=VALUES, dealt=declared.arms, delay=declared.delay)
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("declared", "met"),
    [
        (DECLARED, world()),
        (DECLARED, world(effect={"accuracy": 0.04})),
        (replace(DECLARED, design="always_valid"), world(effect={"accuracy": -0.06, "error_rate": 0.02})),
        (replace(DECLARED, design="fixed"), world(effect={"accuracy": 0.04})),
        (replace(DECLARED, arms=THREE), world(replace(DECLARED, arms=THREE), effect={"accuracy": 0.06})),
        (DECLARED, world(dealt={"champion": 0.6, "candidate": 0.4})),
        (DECLARED, world(cluster=5, icc=0.5, effect={"error_rate": 0.03})),
        (
            DECLARED,
            world(values={**VALUES, "accuracy": Value(first=30.0, last=33.0, better="lower", deviation=4.0)}, effect={"accuracy": 1.0}),
        ),
        (replace(DECLARED, decide=Decide(win="keep", guardrail="keep", at_end="keep")), world(effect={"accuracy": 0.05})),
    ],
)
def test_what_is_passed_over_would_have_decided_nothing(declared: Declared, met: World) -> None:
    screened, whole = (simulate(declared, met, runs=12, seed=3, screened=screened) for screened in (True, False))
    assert whole.end.tolist() == screened.end.tolist()
    assert (whole.winner.tolist(), whole.days.tolist()) == (screened.winner.tolist(), screened.days.tolist())
    assert whole.units.tolist() == screened.units.tolist()


def test_the_same_seed_gives_the_same_ends_and_another_others() -> None:
    one, same, other = (simulate(DECLARED, world(), runs=200, seed=seed) for seed in (1, 1, 2))
    assert one.end.tolist() == same.end.tolist()
    assert one.end.tolist() != other.end.tolist()


def test_equal_arms_are_seldom_called_different_and_a_difference_is_found() -> None:
    equal = simulate(DECLARED, world(), runs=200, seed=1)
    found = bound(DECLARED, world(), equal)
    assert found is not None
    assert ("false_difference", True) == (found["chance"], found["kept"])
    assert 0.0 <= found["measured"] < 0.1
    better = world(effect={"accuracy": 0.04})
    power = bound(DECLARED, better, simulate(DECLARED, better, runs=200, seed=1))
    assert power is not None
    assert ("power", True) == (power["chance"], power["kept"])
    few = bound(DECLARED, better, simulate(DECLARED, replace(better, per_day=60), runs=200, seed=1))
    assert few is not None
    assert ("power", False) == (few["chance"], few["kept"])


def test_wrong_shares_decide_nothing_and_are_told() -> None:
    ends = simulate(DECLARED, world(dealt={"champion": 0.65, "candidate": 0.35}, effect={"accuracy": 0.1}), runs=100, seed=1)
    assert ends.share(INVALID) > 0.9
    assert set(ends.days[ends.end == INVALID]) == {8.0}


def test_a_candidate_that_is_worse_loses_and_a_broken_guardrail_ends_it() -> None:
    worse = simulate(DECLARED, world(effect={"accuracy": -0.08}), runs=100, seed=1)
    broken = simulate(DECLARED, world(effect={"accuracy": 0.08, "error_rate": 0.04}), runs=100, seed=1)
    assert (1.0, 0.0) == (worse.share(LOST), worse.share(WON))
    assert broken.share(GUARDED) > 0.9


def test_the_arm_that_is_better_is_the_one_that_wins() -> None:
    three = replace(DECLARED, arms=THREE)
    ends = simulate(three, world(three, effect={"accuracy": 0.08}, per_day=2000), runs=60, seed=1)
    assert {"candidate"} == set(ends.winner[ends.end == WON])
    assert ends.share(WON) > 0.9


def test_answers_that_come_late_decide_late() -> None:
    effect = {"accuracy": 0.1}
    soon, late = (simulate(DECLARED, world(effect=effect, delay=timedelta(days=days)), runs=60, seed=1) for days in (0, 4))
    assert np.median(late.days) >= np.median(soon.days) + 3


def test_looks_are_those_of_the_flow_and_the_last_is_the_end() -> None:
    assert [3.0, 6.0, 8.0] == looks(replace(DECLARED, looks=timedelta(days=3)))
    assert [4.0, 8.0] == looks(replace(DECLARED, looks=timedelta(days=4)))


def test_a_last_look_at_more_than_was_planned_has_a_bound() -> None:
    assert design.bound((0.5, 1.0, 1.0), True, 0.05, 2) > 0
    assert UNDECIDED in simulate(DECLARED, world(per_day=5_000), runs=50, seed=1).end


def test_usual_candidates_are_each_put_to_a_test() -> None:
    chances = [told(DECLARED, one, simulate(DECLARED, one, runs=40, seed=1)) for one in usual(DECLARED, world())]
    assert ["false_difference", "false_difference", "power", "false_win", "false_win"] == [one["bound"]["chance"] for one in chances]
    assert all(sum(one["ends"][end] for end in ENDS) == pytest.approx(1.0) for one in chances)


@pytest.mark.parametrize(("cluster", "icc"), [(1, 0.0), (4, 0.0), (4, 0.5)])
def test_shares_that_are_drawn_have_the_mean_and_the_variance_that_are_said(cluster: int, icc: float) -> None:
    runs, n = 2000, 40
    met = world(cluster=cluster, icc=icc)
    total, squares = met.drawn(np.random.default_rng(1), "accuracy", "champion", np.full(runs, n), 0.0)
    of_unit = cluster * 0.16 * (1 + (cluster - 1) * icc)
    assert total.mean() / n == pytest.approx(0.8 * cluster, rel=0.01)
    assert total.var() / n == pytest.approx(of_unit, rel=0.1)
    assert (squares / n).mean() - (0.8 * cluster) ** 2 == pytest.approx(of_unit, rel=0.1)


def test_means_that_are_drawn_have_the_mean_and_the_deviation_that_are_said() -> None:
    met = world(values={"spent": Value(first=30.0, last=30.0, better="higher", deviation=4.0)}, effect={"spent": 2.0})
    total, squares = met.drawn(np.random.default_rng(1), "spent", "candidate", np.full(3000, 20), 0.0)
    of_one = (squares - total**2 / 20) / 19
    assert (total.mean() / 20, of_one.mean()) == (pytest.approx(32.0, rel=0.01), pytest.approx(16.0, rel=0.05))
    assert (total / 20).var() == pytest.approx(16.0 / 20, rel=0.1)


def test_what_is_seen_has_the_form_that_an_analysis_knows() -> None:
    mean = replace(world(), values={"accuracy": Value(first=1.0, last=1.0, better="higher", deviation=1.0)})
    assert Proportion(10, 7) == world().seen("accuracy", 10, 7.0, 7.0)
    assert Moments.of_sums(10, 7.5, 9.0) == mean.seen("accuracy", 10, 7.5, 9.0)
    assert JointMoments.of([1.0, 2.0], [3.0, 3.0]) == world(cluster=3).seen("accuracy", 2, 3.0, 5.0)
