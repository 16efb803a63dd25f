"""What is expected of a rollout is what its simulation says, and its time without a failure is that of a look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from headrace.rollout import Canary, Judge, Step
from headrace.rollout.expected import SEED, asked, assumed, days_without_failures, expected
from headrace.rollout.simulate import HARMFUL, PROMOTED, simulate
from headrace.rollout.world import Effect, Rate, World
from headrace.stats.eprocess import needed_without_failures

CANARY = Canary(
    unit="person_id",
    steps=[Step(weight=0.1, hold=timedelta(hours=8)), Step(weight=0.5, hold=timedelta(days=2))],
    judge=[Judge(metric="error_rate", promote_below=2.0, ceiling=0.05)],
)
PER_DAY = 20_000


def test_the_figures_are_those_of_the_simulation() -> None:
    found = expected(CANARY, PER_DAY)
    assert found is not None
    even = World(name="", per_day=PER_DAY, base={"error_rate": Rate(0.01, 0.01)}, effect={})
    harm = simulate(CANARY, replace(even, effect={"error_rate": Effect(times=2.0)}), runs=found["runs"], seed=SEED, every=50)
    equal = simulate(CANARY, even, runs=found["runs"], seed=SEED, every=50)
    assert (harm.share(HARMFUL), equal.share(PROMOTED)) == (found["harm"]["share"], found["equal"]["share"])
    assert (equal.share(HARMFUL), harm.share(PROMOTED)) == (found["false_rollback"]["measured"], found["false_promotion"]["measured"])


def test_a_tighter_margin_is_tried_by_itself() -> None:
    found = expected(replace(CANARY, judge=[Judge(metric="error_rate", promote_below=1.5)]), PER_DAY)
    wide = expected(CANARY, PER_DAY)
    assert found is not None
    assert wide is not None
    assert found["false_promotion"]["measured"] <= 0.08
    assert found["equal"]["days"]["median"] > wide["equal"]["days"]["median"]


def test_what_is_not_simulated_has_no_figures() -> None:
    unknown = replace(CANARY, judge=[replace(CANARY.judge[0], metric="disagreement")])  # type: ignore[arg-type]
    assert expected(unknown, PER_DAY) is None


def test_equal_sections_ask_equal_questions() -> None:
    assert asked(CANARY, PER_DAY) == asked(replace(CANARY), PER_DAY)
    assert asked(CANARY, PER_DAY) != asked(replace(CANARY, false_rollback=0.01), PER_DAY)


@pytest.mark.parametrize(("per_day", "days"), [(25_800, 1 / 3), (1e6, 1 / 12), (2_000, 1 / 3 + 1.0), (100, None)])
def test_a_candidate_without_a_failure_is_promoted_at_a_look(per_day: float, days: float | None) -> None:
    needed = needed_without_failures(0.005, 0.05)
    found = days_without_failures(CANARY, per_day, needed)
    assert found == (None if days is None else pytest.approx(days))


def test_the_time_without_a_failure_is_that_of_the_simulation() -> None:
    clean = World(name="", per_day=PER_DAY, base={"error_rate": Rate(0.0, 0.0)}, effect={})
    ends = simulate(CANARY, clean, runs=50, seed=1, every=50)
    block = 0.06  # days: what a look of the simulation may come late by
    assert days_without_failures(CANARY, PER_DAY, 860) == pytest.approx(float(np.median(ends.days)), abs=block)


@pytest.mark.parametrize(("ceiling", "rate"), [(None, 0.01), (0.05, 0.01), (0.01, 0.005)])
def test_the_assumed_rate_stays_below_the_ceiling(ceiling: float | None, rate: float) -> None:
    assert assumed(ceiling) == rate
