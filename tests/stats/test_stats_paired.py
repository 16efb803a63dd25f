"""Paired tests: against other implementations, against brute force, and by simulation: how often bounds hold, and p is wrong."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from headrace.stats.bootstrap import roc_auc
from headrace.stats.paired import BCA, LARGEST_BCA, PERCENTILE, areas_and_covariance, by_bootstrap, delong, mcnemar
from headrace.stats.untestable import UntestableError


def rows(n, seed=3, *, first=1.0, second=1.0, shared=0.6, share=0.4):
    """Two correlated scores; the higher the number, the better each ranks."""
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < share).astype(float)
    common = rng.normal(size=n) * math.sqrt(shared)
    one, two = (common + rng.normal(size=n) * math.sqrt(1 - shared) + target * much for much in (first, second))
    return target, one, two


def mse(target, predictions):
    return float(((target - predictions) ** 2).mean())


@pytest.mark.parametrize("seed", range(5))
def test_mcnemars_p_is_that_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.random(80) < 0.7, rng.random(80) < 0.8
    table = [[(one & two).sum(), (one & ~two).sum()], [(~one & two).sum(), (~one & ~two).sum()]]
    found = mcnemar(one, two)
    assert (their_mcnemar(table, exact=True).pvalue, two.mean() - one.mean()) == pytest.approx((found.p, found.estimate))
    assert found.low < found.estimate < found.high


def test_models_that_are_right_on_the_same_rows_do_not_differ():
    found = mcnemar(np.array([True, False] * 40), np.array([True, False] * 40))
    assert (0.0, 1.0) == (found.estimate, found.p)
    assert found.low < 0 < found.high


@pytest.mark.slow
@pytest.mark.unfollowed
def test_mcnemars_bounds_hold_and_its_p_is_seldom_wrong():
    rng = np.random.default_rng(1)
    held = wrong = 0
    for _ in range(1000):
        drawn = rng.random(120)
        one = drawn < 0.75
        two = (drawn > 0.10) & (drawn < 0.85)  # as often right, on other rows
        other = (drawn > 0.05) & (drawn < 0.90)  # right 10 points more often
        wrong += mcnemar(one, two).p <= 0.05
        found = mcnemar(one, other)
        held += found.low <= 0.10 <= found.high
    assert wrong <= 0.05 * 1000
    assert 0.935 * 1000 <= held <= 0.985 * 1000


def placements(positive, scores):
    """DeLong's structural components as the paper defines them, pair by pair."""
    wins = [[(a > b) + (a == b) / 2 for b in scores[~positive]] for a in scores[positive]]
    return np.mean(wins, axis=1), np.mean(wins, axis=0)


@pytest.mark.parametrize("rounded", [False, True])
def test_the_fast_covariance_is_that_of_all_pairs(rounded):
    target, one, two = rows(70)
    if rounded:
        one, two = np.round(one), np.round(two)
    positive = target == 1
    areas, covariance = areas_and_covariance(positive, (one, two))
    of_positives, of_negatives = zip(*(placements(positive, scores) for scores in (one, two)), strict=True)
    for i, j in itertools.product(range(2), repeat=2):
        slow = sum(
            ((parts[i] - parts[i].mean()) * (parts[j] - parts[j].mean())).sum() / (len(parts[i]) - 1) / len(parts[i])
            for parts in (of_positives, of_negatives)
        )
        assert slow == pytest.approx(covariance[i][j], rel=1e-12)
    assert [roc_auc_score(target, scores) for scores in (one, two)] == pytest.approx(areas, rel=1e-12)


@pytest.mark.slow
@pytest.mark.unfollowed
def test_delongs_bounds_hold_and_its_p_is_wrong_as_often_as_it_says():
    truth = stats.norm.cdf(1.4 / math.sqrt(2)) - stats.norm.cdf(1.0 / math.sqrt(2))
    held = wrong = 0
    for seed in range(1000):
        found = delong(*rows(200, seed, first=1.0, second=1.4))
        held += found.low <= truth <= found.high
        wrong += delong(*rows(200, seed)).p <= 0.05
    assert 0.93 * 1000 <= held <= 0.97 * 1000
    assert 0.03 * 1000 <= wrong <= 0.07 * 1000


def test_delong_is_refused_where_its_distribution_says_little():
    target, one, two = rows(200, share=0.02)
    with pytest.raises(UntestableError, match="rows have the answer 1"):
        delong(target, one, two)
    target = np.array([0.0, 1.0] * 50)
    with pytest.raises(UntestableError, match="without any variance"):
        delong(target, np.zeros(100), target)


def test_a_model_against_itself_differs_by_nothing():
    target, one, _ = rows(200)
    for found in (delong(target, one, one), by_bootstrap(mse, target, (one, one), seed=1)):
        assert (0.0, 0.0, 0.0, 1.0) == (found.estimate, found.low, found.high, found.p)


def test_the_bootstrap_is_scipys_bca():
    target, one, two = rows(150)
    ours = by_bootstrap(mse, target, (one, two), seed=1, resamples=20_000)

    def difference(*given, axis):
        return ((given[0] - given[2]) ** 2).mean(axis=axis) - ((given[0] - given[1]) ** 2).mean(axis=axis)

    theirs = stats.bootstrap((target, one, two), difference, paired=True, n_resamples=20_000, rng=2, method="BCa").confidence_interval
    assert (BCA, theirs.low, theirs.high) == (ours.test, pytest.approx(ours.low, abs=0.02), pytest.approx(ours.high, abs=0.02))


def test_the_same_seed_gives_the_same_bootstrap():
    target, one, two = rows(100)
    assert by_bootstrap(mse, target, (one, two), seed=4) == by_bootstrap(mse, target, (one, two), seed=4)


def test_p_of_a_bootstrap_is_small_just_where_its_bounds_leave_nothing_out():
    for seed in range(20):
        target, one, two = rows(80, seed, second=1.3)
        found = by_bootstrap(roc_auc, target, (one, two), seed=1, resamples=300)
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high) or abs(found.p - 0.05) < 0.02


@pytest.mark.slow
@pytest.mark.unfollowed
def test_bounds_of_a_bootstrap_hold():
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        target = rng.normal(size=100)
        one, two = target + rng.exponential(1.0, 100), target + rng.exponential(0.8, 100)
        found = by_bootstrap(mse, target, (one, two), seed=seed, resamples=400)
        held += found.low <= 2 * 0.8**2 - 2 <= found.high
    assert 0.89 * 300 <= held <= 0.98 * 300


def test_rows_of_one_entity_are_drawn_together():
    """Each entity five times is no more news than once: bounds by rows would be too narrow by the root of five."""
    target, one, two = rows(100)
    once = by_bootstrap(mse, target, (one, two), seed=1)
    groups = np.repeat(np.arange(100), 5)
    again = [np.repeat(values, 5) for values in (target, one, two)]
    whole = by_bootstrap(mse, again[0], (again[1], again[2]), seed=1, groups=groups)
    naive = by_bootstrap(mse, again[0], (again[1], again[2]), seed=1)
    assert (once.low, once.high, once.p) == pytest.approx((whole.low, whole.high, whole.p))
    assert math.sqrt(5) == pytest.approx((once.high - once.low) / (naive.high - naive.low), rel=0.15)


def test_many_rows_get_percentiles():
    target, one, two = rows(LARGEST_BCA + 1)
    assert PERCENTILE == by_bootstrap(mse, target, (one, two), seed=1, resamples=100).test


def test_what_is_not_defined_is_refused_and_not_guessed():
    target, one, two = rows(100)
    target[:] = 0
    target[0] = 1
    probabilities = [1 / (1 + np.exp(-values)) for values in (one, two)]
    with pytest.raises(UntestableError, match="not defined in"):
        by_bootstrap(lambda t, p: math.nan if t.sum() == 0 else log_loss(t, p, labels=[0, 1]), target, tuple(probabilities), seed=1)
    with pytest.raises(UntestableError, match="not defined on these rows"):
        by_bootstrap(lambda _, __: math.nan, target, (one, two), seed=1)
