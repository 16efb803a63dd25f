import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.stats.moments import JointMoments, Moments
from headrace.stats.untestable import UntestableError

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PAIRS = st.lists(st.tuples(FLOATS, FLOATS), max_size=30)


@settings(deadline=None, max_examples=40)
@given(PAIRS)
def test_sums_are_those_of_exact_fractions(pairs):
    y, x = [a for a, _ in pairs], [b for _, b in pairs]
    found = JointMoments.of(y, x)
    exact = tuple(sum(map(Fraction, values), Fraction(0)) for values in (y, x))
    products = [sum((Fraction(a) * Fraction(b) for a, b in zip(p, q, strict=True)), Fraction(0)) for p, q in ((y, y), (x, x), (y, x))]
    assert (len(pairs), *exact, *products) == (found.n, found.y.total, found.x.total, found.y.squares, found.x.squares, found.products)


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.lists(st.integers(0, 30), max_size=5), st.randoms(use_true_random=False))
def test_any_order_and_any_partition_give_the_same_bits(pairs, cuts, random):
    whole = JointMoments.of([a for a, _ in pairs], [b for _, b in pairs])
    random.shuffle(pairs)
    ends = [0, *sorted(min(cut, len(pairs)) for cut in cuts), len(pairs)]
    parts = [pairs[start:end] for start, end in pairwise(ends)]
    random.shuffle(parts)
    merged = sum((JointMoments.of([a for a, _ in part], [b for _, b in part]) for part in parts), JointMoments())
    assert whole == merged


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 50), st.floats(-1e9, 1e9), st.integers(0, 2**32))
def test_a_large_mean_takes_nothing_from_the_variance(n, mean, seed):
    values = mean + np.random.default_rng(seed).normal(size=n)
    found = Moments.of(values)
    exact = [Fraction(value) for value in values.tolist()]
    centre = sum(exact) / n
    assert (float(centre), float(sum((v - centre) ** 2 for v in exact) / (n - 1))) == (found.mean, found.variance)


def test_more_values_than_are_held_at_once_agree_with_numpy():
    rng = np.random.default_rng(1)
    y, x = rng.normal(3, 2, 300_000), rng.lognormal(0, 1, 300_000)
    found, matrix = JointMoments.of(y, x), np.cov(y, x)
    assert (matrix[0, 0], matrix[1, 1], matrix[0, 1]) == pytest.approx((found.y.variance, found.x.variance, found.covariance), rel=1e-10)
    assert math.fsum(y) == float(found.y.total)


def test_sums_of_a_database_are_taken_as_they_are():
    found = JointMoments.of_sums(Moments.of_sums(4, 23.7, 485.15), Moments.of_sums(4, 11, 39), 71.6)
    assert Moments(4, Fraction(23.7), Fraction(485.15)) == found.y
    assert (Fraction(71.6) - Fraction(23.7) * 11 / 4) / 3 == pytest.approx(found.covariance)


def test_growthbooks_case_of_sums():
    """GrowthBook, packages/stats/tests/test_shared_models.py: moments of [0.3, 0.5, 0.9, 22] and [2, 1, 5, 3] are numpy's."""
    one, three = np.array([0.3, 0.5, 0.9, 22]), np.array([2, 1, 5, 3])
    found = JointMoments.of(one, three)
    assert (np.mean(one), np.var(one, ddof=1), np.cov(one, three)[0, 1]) == pytest.approx(
        (found.y.mean, found.y.variance, found.covariance)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Moments.of([1.0, math.nan, math.inf]), "2 of 3 values are not finite numbers"),
        (lambda: Moments.of([[1.0]]), "one a unit"),
        (lambda: JointMoments.of([1.0], [1.0, 2.0]), "1 and 2 values"),
        (lambda: Moments.of_sums(3, math.nan, 1.0), "a sum is nan"),
        (lambda: Moments.of_sums(3, 1.0, math.inf), "a sum is inf"),
        (lambda: Moments.of_sums(-1, 0, 0), "-1 units cannot have a sum"),
        (lambda: Moments.of_sums(0, 1, 1), "0 units cannot have a sum"),
        (lambda: Moments.of_sums(2, 10, 40), "larger sum of squares"),
        (lambda: JointMoments(Moments(1), Moments(2)), "each has both"),
        (lambda: JointMoments.of_sums(Moments.of([1, 2]), Moments.of([1, 2]), 6), "larger sums of squares"),
    ],
)
def test_what_cannot_be_summed_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_too_few_units_say_nothing():
    for ask in (lambda: Moments().mean, lambda: Moments.of([1]).variance, lambda: JointMoments.of([1], [1]).covariance):
        with pytest.raises(UntestableError, match="unit"):
            ask()


def test_values_that_are_all_the_same_have_no_variance():
    assert 0.0 == Moments.of([0.1] * 7).variance
