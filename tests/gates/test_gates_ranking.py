"""Gates of a ranking: the mean over groups, the first k of each, and intervals that draw whole groups."""

import dataclasses
import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from headrace.builtin import headrace_gates, headrace_metrics
from headrace.gates import ByPlugin, Facts, Minimum, NoWorse, decide
from headrace.hooks import Answers, HeldOut, Ruling
from headrace.hooks import Gate as Kind
from headrace.stats import bootstrap

METRICS = {item.name: item for item in headrace_metrics()}
SIZE = 8


@pytest.fixture
def facts():
    """Forty groups of eight rows, one of them without a relevant row; the baseline gives all the same score."""
    rng = np.random.default_rng(5)
    target = rng.integers(0, 4, 40 * SIZE).astype(float)
    target[:SIZE] = 0
    scores = target + rng.normal(0, 2, len(target))
    group = np.repeat(np.arange(40), SIZE)
    return Facts(target, scores, others={"baseline": np.zeros(len(target))}, answers=Answers("ranking"), group=group)


def said(gate, facts, kinds=None):
    return decide(gate, facts, METRICS, seed=1, kinds=kinds or {item.name: item for item in headrace_gates()})


@pytest.mark.parametrize("k", [None, 3])
def test_the_value_is_the_mean_over_groups_with_a_relevant_row(facts, k):
    target, scores = facts.target.reshape(40, SIZE), facts.predictions.reshape(40, SIZE)
    wanted = np.mean([ndcg_score([2**one - 1], [two], k=k) for one, two in zip(target[1:], scores[1:], strict=True)])
    one = said(Minimum("g", "ndcg", min=0.1, k=k), facts)
    assert (True, pytest.approx(wanted), len(facts.target)) == (one.passed, one.value, one.n)
    assert "the mean over 39 of 40 groups" in one.reason
    assert (", by the first 3 rows of each" in one.reason) is (k == 3)


def test_no_group_with_a_relevant_row_passes_nothing(facts):
    one = said(Minimum("g", "mrr", min=0.0), dataclasses.replace(facts, target=np.zeros(len(facts.target))))
    assert (False, True) == (one.passed, "not defined on these rows" in one.reason)


def test_a_ranking_is_better_than_a_random_order_and_no_better_than_itself(facts):
    one = said(NoWorse("g", "ndcg", versus="baseline", k=5), facts)
    assert (True, True) == (one.passed, 0 < one.low < one.value < one.high)
    assert "ndcg of the first 5 differs from the baseline's" in one.reason
    other = dataclasses.replace(facts, others={"baseline": facts.predictions})
    assert (0, 0, 0) == ((same := said(NoWorse("g", "map", versus="baseline"), other)).low, same.value, same.high)


def test_a_metric_without_first_rows_is_not_cut(facts):
    one = said(Minimum("g", "latency_p99", min=0.0, k=5), facts)
    assert (False, True) == (one.passed, "no first 5" in one.reason)


def test_rows_without_groups_are_not_judged(facts):
    assert "name no group" in said(Minimum("g", "ndcg", min=0.0), dataclasses.replace(facts, group=None)).reason
    assert not said(NoWorse("g", "ndcg", versus="baseline"), dataclasses.replace(facts, group=None)).passed


def test_a_metric_of_another_task_judges_no_ranking(facts):
    assert "no metric of the task `ranking`" in said(Minimum("g", "roc_auc", min=0.0), facts).reason


def counts(held_out: HeldOut, params, *, seed):
    return Ruling(passed=True, reason="counted", value=float(len(np.unique(held_out.group))))


def test_a_plugins_gate_of_rankings_is_given_the_groups(facts):
    import pandas as pd

    kind = Kind("counts", f"{__name__}:counts", "headrace.builtin.gates.prediction_spread:Params", tasks=("ranking",))
    one = said(ByPlugin("g", "counts"), dataclasses.replace(facts, rows=pd.DataFrame({"x": facts.target})), {"counts": kind})
    assert (True, 40.0) == (one.passed, one.value)


def test_the_bound_over_groups_covers_as_often_as_it_says():
    rng, covered = np.random.default_rng(2), 0
    for seed in range(200):
        apart = rng.normal(0.1, 0.5, 60)
        covered += bootstrap.mean_difference(apart, np.zeros(60), seed=seed, confidence=0.9, resamples=300).low <= 0.1
    assert 0.84 <= covered / 200 <= 0.96


def test_groups_without_a_value_are_left_out_and_none_bounds_nothing():
    nan = math.nan
    found = bootstrap.mean_difference(np.array([0.5, nan, 0.7]), np.array([0.4, 0.2, nan]), seed=1)
    assert (pytest.approx(0.1),) * 3 == (found.estimate, found.low, found.high)
    empty = bootstrap.mean_difference(np.array([nan]), np.array([1.0]), seed=1)
    assert (True, -math.inf, math.inf) == (math.isnan(empty.estimate), empty.low, empty.high)
