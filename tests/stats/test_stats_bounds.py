"""Bounds of a value and of a paired difference: against independent oracles, published figures, and how often they hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from headrace.stats import bootstrap, bounds
from headrace.stats.untestable import UntestableError


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_share_is_bounded_as_statsmodels_bounds_it(data):
    n = data.draw(st.integers(1, 300))
    hits = data.draw(st.integers(0, n))
    found = bounds.proportion(hits, n, confidence=0.95)
    assert proportion_confint(hits, n, alpha=0.1, method="beta") == pytest.approx((found.low, found.high), abs=1e-9)


def test_a_share_of_nothing_is_nothing():
    found = bounds.proportion(0, 0)
    assert (True, 0.0, 1.0) == (np.isnan(found.estimate), found.low, found.high)


def decisions(both, won, lost, neither):
    """Rows that both, the candidate alone, the other alone and neither had right."""
    candidate = np.repeat([True, True, False, False], [both, won, lost, neither])
    other = np.repeat([True, False, True, False], [both, won, lost, neither])
    return candidate, other


@settings(max_examples=60, deadline=None)
@given(won=st.integers(0, 60), lost=st.integers(0, 60), same=st.integers(1, 200))
def test_mcnemar_is_as_statsmodels_has_it(won, lost, same):
    found = bounds.paired_share(*decisions(same, won, lost, 0))
    wanted = mcnemar([[same, won], [lost, 0]], exact=True).pvalue
    assert (won - lost) / (same + won + lost) == pytest.approx(found.estimate)
    assert float(wanted) == pytest.approx(found.p)
    assert -1 <= found.low <= found.estimate <= found.high <= 1


@settings(max_examples=60, deadline=None)
@given(won=st.integers(0, 25), lost=st.integers(0, 25), same=st.integers(1, 100))
def test_of_few_rows_better_is_proven_only_where_the_exact_test_says_so(won, lost, same):
    found = bounds.paired_share(*decisions(same, won, lost, 0), confidence=0.95)
    if won + lost and won + lost <= bounds.FEW_APART and found.low > 1e-12:
        assert binomtest(won, won + lost, 0.5, alternative="greater").pvalue <= 0.05 + 1e-9


def score(delta, won, lost, n):
    """Tango's statistic with the likelihood maximised by search, and not by its closed form."""
    rare = np.linspace(max(0.0, -delta) + 1e-9, (1 - delta) / 2 - 1e-9, 400_001)
    same = n - won - lost
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = won * np.log(rare + delta) + lost * np.log(rare) + same * np.log(np.maximum(1 - 2 * rare - delta, 1e-300))
    best = rare[np.nanargmax(likelihood)]
    return (won - lost - n * delta) / np.sqrt(n * (2 * best + delta - delta**2))


@pytest.mark.parametrize(("won", "lost", "n"), [(40, 20, 200), (30, 30, 100), (60, 15, 90)])
def test_tangos_bound_is_where_the_score_of_the_searched_likelihood_is_z(won, lost, n):
    low = bounds._tango(won, lost, n, 0.95)
    assert 1.6449 == pytest.approx(score(low, won, lost, n), abs=0.005)


def slow_area(target, scores):
    """Every pair looked at, and DeLong's variance from the placements of each row."""
    ones, noughts = scores[target == 1], scores[target == 0]
    wins = (ones[:, None] > noughts[None, :]) + 0.5 * (ones[:, None] == noughts[None, :])
    return wins.mean(), wins.mean(axis=1), wins.mean(axis=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(30, 80))
def test_areas_are_compared_as_every_pair_says(seed, n):
    rng = np.random.default_rng(seed)
    target = (np.arange(n) % 2).astype(float)
    one, two = (np.round(target + rng.normal(0, 1.5, n), 1) for _ in range(2))
    (a, a1, a0), (b, b1, b0) = slow_area(target, one), slow_area(target, two)
    variance = np.var(a1 - b1, ddof=1) / len(a1) + np.var(a0 - b0, ddof=1) / len(a0)
    found = bounds.paired_area(target, one, two, confidence=0.975)
    assert (a - b, a - b - 1.959964 * variance**0.5) == pytest.approx((found.estimate, found.low), abs=1e-6)
    alone = bounds.area(target, one, confidence=0.975)
    spread = (np.var(a1, ddof=1) / len(a1) + np.var(a0, ddof=1) / len(a0)) ** 0.5
    logit = np.log(a / (1 - a)) - 1.959964 * spread / (a * (1 - a))
    assert (a, 1 / (1 + np.exp(-logit))) == pytest.approx((alone.estimate, alone.low), abs=1e-6)


def test_areas_without_enough_rows_prove_nothing():
    target = np.repeat([0.0, 1.0], [50, 5])
    with pytest.raises(UntestableError, match="5 rows have the rarer answer"):
        bounds.paired_area(target, target, 1 - target)
    with pytest.raises(UntestableError):
        bounds.area(np.array([0.0, 0.0, 1.0]), np.zeros(3))


def test_the_same_scores_differ_by_nothing():
    target = np.tile([0.0, 1.0], 30)
    found = bounds.paired_area(target, target, target)
    assert (0.0, 0.0, 0.0, 1.0) == (found.estimate, found.low, found.high, found.p)
    with pytest.raises(UntestableError, match="without any variance"):
        bounds.paired_area(target, target, 1 - target)


def test_classes_that_are_parted_prove_what_so_many_pairs_prove():
    target = np.repeat([0.0, 1.0], [40, 20])
    good, bad = bounds.area(target, target), bounds.area(target, -target)
    assert (0.05 ** (1 / 20), 1.0) == pytest.approx((good.low, good.high))
    assert (0.0, 1 - 0.05 ** (1 / 20)) == pytest.approx((bad.low, bad.high))


def test_a_quantile_lies_between_two_that_were_measured():
    values = np.arange(1.0, 401.0)
    found = bounds.quantile(values, 0.99, confidence=0.95)
    low, high = int(found.low), int(found.high)
    assert binom.sf(low - 1, 400, 0.99) >= 0.95 > binom.sf(low, 400, 0.99)
    assert binom.cdf(high - 1, 400, 0.99) >= 0.95 > binom.cdf(high - 2, 400, 0.99)
    few = bounds.quantile(values[:50], 0.99)
    assert (np.inf, True) == (few.high, np.isnan(bounds.quantile(values[:0], 0.99).estimate))


def shares_held(make, truth, rounds=120):
    """How often both bounds of 95 % each hold the truth."""
    rng = np.random.default_rng(11)
    return sum(found.low <= truth <= found.high for found in (make(rng) for _ in range(rounds))) / rounds


def test_bounds_hold_as_often_as_they_say():
    """Each end holds 95 of 100 times, so both 90; of 120 rounds 82 of 100 is three standard errors below."""

    def areas(rng):
        target = np.tile([0.0, 1.0], 100)
        return bounds.area(target, target + rng.normal(0, 1, 200))

    def pairs(rng):
        drawn = rng.multinomial(200, [0.6, 0.15, 0.1, 0.15])
        return bounds.paired_share(*decisions(*drawn))

    def differences(rng):
        target = np.tile([0.0, 1.0], 100)
        shared = rng.normal(0, 1, 200)
        return bounds.paired_area(target, target + shared + rng.normal(0, 0.5, 200), target + shared + rng.normal(0, 0.5, 200))

    def means(rng):
        values = rng.normal(0.3, 1, 60)
        return bootstrap.single(lambda _, said: said.mean(), values, values, seed=int(rng.integers(1000)), resamples=100)

    assert shares_held(areas, 0.76025) >= 0.82
    assert shares_held(pairs, 0.05) >= 0.82
    assert shares_held(differences, 0.0) >= 0.82
    assert shares_held(means, 0.3) >= 0.8


def test_a_worse_candidate_is_seldom_proven_better():
    """The level: of two that are equally right, McNemar's bound lies above 0 at most 5 of 100 times; 400 rounds, three standard errors."""
    rng = np.random.default_rng(3)
    proven = [bounds.paired_share(*decisions(*rng.multinomial(80, [0.7, 0.1, 0.1, 0.1]))).low > 0 for _ in range(400)]
    assert np.mean(proven) <= 0.083


def test_a_resample_without_a_value_is_left_out_and_all_of_them_bound_nothing():
    target = np.zeros(4)

    def never(true, said):
        raise ValueError("one class")

    found = bootstrap.single(lambda *_: 1.0, target, target, seed=1, resamples=5)
    assert (1.0, 1.0, 5) == (found.low, found.high, found.resamples)
    nan = bootstrap.single(lambda *_: float("nan"), target, target, seed=1, resamples=5)
    assert (-np.inf, np.inf, 0) == (nan.low, nan.high, nan.resamples)
    with pytest.raises(ValueError, match="one class"):
        bootstrap.single(never, target, target, seed=1)
