"""Normal-prior posteriors and Thompson's chances, against GrowthBook's cases, statsmodels' numbers and draws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.stats import power
from headrace.stats.bayes import Prior, posterior
from headrace.stats.effect import Effect, Estimate, lift, mean
from headrace.stats.moments import Moments
from headrace.stats.power import Arm
from headrace.stats.proportions import Proportion
from headrace.stats.thompson import FLOOR, choose, propensities

GROWTHBOOK = lift(mean(Moments.of_sums(10, 100, 1002.25)), mean(Moments.of_sums(10, 105, 1111.5)))
"""GrowthBook, packages/stats/tests/bayesian/test_tests.py, TestNorm and TestBinom: printed to 5 places."""


@pytest.mark.parametrize(
    ("effect", "prior", "expected"),
    [
        (GROWTHBOOK, Prior(), (0.05, 0.03572, -0.02, 0.12, 0.91923, 0.00131, 0.05131)),
        (GROWTHBOOK, Prior(0.1, math.sqrt(0.1)), (0.05063, 0.03549, -0.01893, 0.12019, 0.92315, 0.00123, 0.05186)),
        (
            lift(Proportion(100, 49).estimate, Proportion(100, 51).estimate),
            Prior(),
            (0.04082, 0.14725, -0.24779, 0.32943, 0.60918, 0.04058, 0.0814),
        ),
    ],
)
def test_posteriors_are_growthbooks(effect, prior, expected):
    found = posterior(effect, prior, alpha=0.05)
    values = (found.mean, found.deviation, found.low, found.high, found.win, found.treatment_loss, found.control_loss)
    assert expected == pytest.approx(values, abs=5.1e-6)


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(-5, 5), st.floats(0.01, 5))
def test_a_swapped_effect_swaps_what_is_believed(value, error, prior_mean, deviation):
    one = posterior(Effect(value, error, 99, 97), Prior(prior_mean, deviation), alpha=0.05)
    other = posterior(Effect(-value, error, 99, 97), Prior(-prior_mean, deviation), alpha=0.05)
    assert (one.mean, one.low, 1 - one.win, one.treatment_loss) == pytest.approx(
        (-other.mean, -other.high, other.win, other.control_loss), abs=1e-9
    )
    assert one.control_loss - one.treatment_loss == pytest.approx(one.mean, abs=1e-9)


def test_the_expected_loss_is_what_draws_lose():
    found = posterior(Effect(0.3, 1.0, 99, 97), Prior(0.0, 2.0), alpha=0.05)
    draws = np.random.default_rng(1).normal(found.mean, found.deviation, 2_000_000)
    assert (np.maximum(-draws, 0).mean(), np.maximum(draws, 0).mean()) == pytest.approx(
        (found.treatment_loss, found.control_loss), abs=3e-3
    )


@pytest.mark.parametrize("prior", [(0.0, 0.0), (0.0, -1.0), (0.0, math.nan), (math.nan, 1.0), (math.inf, 1.0)])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(ValueError, match="a prior of"):
        Prior(*prior)


ARMS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 10**6), st.floats(0, 1)).map(lambda a: Proportion(a[0], round(a[0] * a[1]))),
        st.builds(Estimate, st.floats(-10, 10), st.floats(0.01, 100), st.integers(2, 10**6)),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=20)
@given(ARMS)
def test_chances_add_up_to_1_and_none_is_below_the_floor(arms):
    found = propensities(arms)
    assert 1.0 == pytest.approx(sum(found))
    assert min(found) >= FLOOR - 1e-12


@settings(deadline=None, max_examples=10)
@given(ARMS, st.randoms(use_true_random=False))
def test_the_order_of_the_arms_changes_nothing(arms, random):
    at = list(range(len(arms)))
    random.shuffle(at)
    assert [propensities(arms)[i] for i in at] == pytest.approx(propensities([arms[i] for i in at]), abs=1e-9)


def test_chances_are_those_of_draws():
    arms = [Proportion(100, 10), Proportion(120, 15), Proportion(30, 4)]
    rng = np.random.default_rng(2)
    draws = np.column_stack([rng.beta(1 + arm.hits, 1 + arm.n - arm.hits, 1_000_000) for arm in arms])
    best = np.bincount(draws.argmax(axis=1)) / len(draws)
    assert (best * 0.85 + 0.05).tolist() == pytest.approx(propensities(arms), abs=2e-3)


def test_two_normal_arms_have_the_chance_of_their_difference():
    arms = [Estimate(1.0, 4.0, 100), Estimate(1.2, 9.0, 100)]
    better = 0.5 * math.erfc(-0.2 / math.sqrt(0.04 + 0.09) / math.sqrt(2))
    assert [1 - better, better] == pytest.approx(propensities(arms, floor=0.0), abs=1e-9)


def test_arms_alike_share_alike():
    assert [0.25] * 4 == pytest.approx(propensities([Proportion(50, 5)] * 4))


def test_each_arm_is_chosen_as_often_as_was_logged():
    chances = [0.05, 0.7, 0.25]
    picks = [choose(chances, u) for u in np.random.default_rng(3).random(20_000)]
    assert chances == pytest.approx((np.bincount([pick.arm for pick in picks]) / 20_000).tolist(), abs=0.012)
    assert all(chances[pick.arm] == pick.propensity for pick in picks)


def test_rounding_leaves_no_unit_without_an_arm():
    almost = [0.1] * 9 + [0.1 - 1e-12, 0.0]
    assert 9 == choose(almost, math.nextafter(1.0, 0.0)).arm


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: propensities([]), "0 arms"),
        (lambda: propensities([Proportion()] * 3, floor=0.4), "3 arms with a floor of 0.4"),
        (lambda: propensities([Proportion()], floor=-0.1), "cannot be"),
        (lambda: propensities([Estimate(1.0, 0.0, 9)]), "does not vary"),
        (lambda: choose([0.5, 0.4], 0.1), "choose nothing"),
        (lambda: choose([], 0.1), "choose nothing"),
        (lambda: choose([1.0], 1.0), "choose nothing"),
        (lambda: choose([1.0], math.nan), "choose nothing"),
        (lambda: choose([1.5, -0.5], 0.1), "choose nothing"),
    ],
)
def test_what_cannot_be_dealt_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_units_within_a_margin_are_those_of_the_one_sided_test():
    """By hand: (1.6449 + 0.8416)^2 * 2 * 0.1^2 / 0.05^2 = 49.46 an arm."""
    arms = (Arm(0.5, 0.1), Arm(0.5, 0.1))
    assert 2 * 49.46 == pytest.approx(power.units_needed_within(0.05, arms, alpha=0.05, power=0.8), abs=0.02)
    assert power.units_needed_within(0.05, arms, alpha=0.05, power=0.8, worse_by=0.025) == pytest.approx(
        4 * power.units_needed_within(0.05, arms, alpha=0.05, power=0.8)
    )
    assert math.inf == power.units_needed_within(0.05, arms, alpha=0.05, power=0.8, worse_by=0.05)


def test_clusters_need_more_units():
    assert [1.0, 1.0, 20.0, 1.95] == pytest.approx([power.design_effect(*case) for case in ((1, 0.5), (20, 0.0), (20, 1.0), (20, 0.05))])
    for wrong in ((0.5, 0.1), (math.inf, 0.1), (5, -0.1), (5, 1.1), (math.nan, 0.1)):
        with pytest.raises(ValueError, match="cannot be"):
            power.design_effect(*wrong)
