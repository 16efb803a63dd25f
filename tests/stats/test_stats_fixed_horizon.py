"""One look at the end: two proportions, Welch, lifts, ratios, CUPED and non-inferiority, against what others compute and print."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from headrace.stats import proportions, welch
from headrace.stats.cuped import Covaried, adjust
from headrace.stats.effect import Estimate, difference, lift, mean
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.non_inferiority import judge, outcome
from headrace.stats.proportions import Proportion, newcombe, wilson
from headrace.stats.ratio import ratio
from headrace.stats.untestable import UntestableError

COUNTS = st.tuples(st.integers(1, 5000), st.floats(0, 1)).map(lambda c: Proportion(c[0], round(c[0] * c[1])))
ARMS = st.builds(Estimate, st.floats(-1e6, 1e6), st.floats(0.01, 1e6), st.integers(2, 10**7))


@given(COUNTS, COUNTS)
def test_two_proportions_are_statsmodels(control, treatment):
    assume(0 < control.hits + treatment.hits < control.n + treatment.n)
    _, p = proportions_ztest([treatment.hits, control.hits], [treatment.n, control.n])
    found = proportions.compare(control, treatment, alpha=0.05)
    assert (treatment.rate - control.rate, p) == pytest.approx((found.estimate, found.p), rel=1e-6)


@given(COUNTS, COUNTS, st.sampled_from([0.01, 0.05, 0.2]))
def test_newcombes_interval_is_statsmodels(control, treatment, alpha):
    counts = (treatment.hits, treatment.n, control.hits, control.n)
    expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=alpha)
    assert expected == pytest.approx(newcombe(control, treatment, alpha=alpha), rel=1e-6, abs=1e-12)


@given(COUNTS)
def test_wilsons_interval_is_statsmodels(arm):
    assert proportion_confint(arm.hits, arm.n, method="wilson") == pytest.approx(wilson(arm, alpha=0.05), rel=1e-6, abs=1e-12)


def test_newcombes_interval_is_that_of_his_paper():
    """Newcombe (1998), Statistics in Medicine 17:873, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20."""
    found = [newcombe(Proportion(n, y), Proportion(m, x), alpha=0.05) for x, m, y, n in ((56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20))]
    assert [(0.0524, 0.3339), (0.1705, 0.8090), (0.6791, 1.0)] == [(round(low, 4), round(high, 4)) for low, high in found]


def test_the_interval_changes_where_an_arm_has_few():
    many, few = Proportion(100, 10), Proportion(100, 9)
    names = [proportions.compare(many, other, alpha=0.05).test for other in (many, few, Proportion(100, 91), Proportion(100, 90))]
    assert [proportions.POOLED, proportions.NEWCOMBE, proportions.NEWCOMBE, proportions.POOLED] == names


def test_walds_interval_is_statsmodels():
    found = proportions.compare(Proportion(3000, 310), Proportion(2000, 260), alpha=0.1)
    expected = confint_proportions_2indep(260, 2000, 310, 3000, method="wald", compare="diff", alpha=0.1)
    assert expected == pytest.approx((found.low, found.high), rel=1e-6)


def test_no_event_in_either_arm_is_no_difference_with_room_on_both_sides():
    found = proportions.compare(Proportion(50, 0), Proportion(50, 0), alpha=0.05)
    assert (0.0, 1.0, True) == (found.estimate, found.p, found.low < 0 < found.high)


@given(COUNTS, COUNTS)
def test_swapped_proportions_change_the_sign_and_nothing_else(control, treatment):
    one, other = proportions.compare(control, treatment, alpha=0.05), proportions.compare(treatment, control, alpha=0.05)
    assert one == replace(other, estimate=-other.estimate, low=-other.high, high=-other.low)


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(2, 40), st.floats(0.1, 10))
def test_welch_is_statsmodels(seed, n, m, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(1, 1, n), rng.normal(1.3, scale, m)
    expected = CompareMeans(DescrStatsW(b), DescrStatsW(a))
    found = welch.compare(difference(mean(Moments.of(a)), mean(Moments.of(b))), alpha=0.1)
    t, p, df = expected.ttest_ind(usevar="unequal")
    assert (b.mean() - a.mean(), *expected.tconfint_diff(alpha=0.1, usevar="unequal"), p) == pytest.approx(
        (found.estimate, found.low, found.high, found.p), rel=1e-6
    )
    assert df == pytest.approx(difference(mean(Moments.of(a)), mean(Moments.of(b))).df, rel=1e-6)
    assert abs(t) == pytest.approx(abs(found.estimate) / difference(mean(Moments.of(a)), mean(Moments.of(b))).error, rel=1e-6)


@given(ARMS, ARMS)
def test_swapped_means_change_the_sign_and_nothing_else(control, treatment):
    one, other = (welch.compare(difference(*arms), alpha=0.05) for arms in ((control, treatment), (treatment, control)))
    assert one == replace(other, estimate=-other.estimate, low=-other.high, high=-other.low)


GROWTHBOOK = (Moments.of_sums(3407, 1396.87, 52377.9767), Moments.of_sums(3461, 2422.7, 134698.29))
"""GrowthBook, packages/stats/tests/frequentist/test_tests.py: sums of its two arms; expected values are printed there to 5 places."""


def test_growthbooks_case_of_a_difference():
    found = welch.compare(difference(*map(mean, GROWTHBOOK)), alpha=0.05)
    assert (0.29, 0.04538, 0.53462, 0.02016) == pytest.approx((found.estimate, found.low, found.high, found.p), abs=5e-6)


def test_growthbooks_case_of_a_lift():
    effect = lift(*map(mean, GROWTHBOOK))
    found = welch.compare(effect, alpha=0.05)
    expected = (0.70732, 0.37879, -0.03526, 1.44989, 0.06191)
    assert expected == pytest.approx((found.estimate, effect.error, found.low, found.high, found.p), abs=5e-6)


def test_growthbooks_case_of_a_lift_of_a_proportion():
    found = welch.compare(lift(Proportion(28, 14).estimate, Proportion(30, 16).estimate), alpha=0.05)
    assert (0.06667, -0.47767, 0.61101, 0.80707) == pytest.approx((found.estimate, found.low, found.high, found.p), abs=5e-6)


def test_growthbooks_one_sided_case():
    """TestOneSidedGreaterTTest, absolute: a bound of 95 % on one side is that of 90 % on two."""
    effect = difference(mean(Moments.of_sums(3000, 1396.87, 52377.9767)), mean(GROWTHBOOK[1]))
    found = welch.compare(effect, alpha=0.1)
    assert (0.020791480063255735, 0.44796185327007765, 2 * 0.03554272489873023) == pytest.approx((found.low, found.high, found.p), rel=1e-6)


def test_spotifys_case_of_a_non_inferiority_margin():
    """spotify/confidence, tests/frequentist/test_ztest.py, TestWithNims: 99 % one-sided, a difference of -0.0258, bounded by -0.0723."""
    arms = (mean(Moments.of_sums(5000, 10021, 25142)), mean(Moments.of_sums(5000, 9892, 24510)))
    found = welch.compare(difference(*arms), alpha=0.02)
    assert (-0.0258, -0.0723) == pytest.approx((found.estimate, found.low), abs=1e-3)
    assert "inconclusive" == judge(*arms, margin=0.02, relative=True, worse="lower", alpha=0.01).outcome


@given(ARMS, ARMS, st.floats(0.001, 1000))
def test_a_lift_has_no_unit(control, treatment, unit):
    assume(abs(control.value) > 1e-3)
    scaled = [Estimate(arm.value * unit, arm.variance * unit**2, arm.n) for arm in (control, treatment)]
    one, other = lift(control, treatment), lift(*scaled)
    assert (one.value, one.error, one.df) == pytest.approx((other.value, other.error, other.df), rel=1e-6)


def test_more_of_a_negative_value_is_a_positive_lift():
    found = lift(Estimate(-2.0, 1.0, 100), Estimate(-1.0, 1.0, 100))
    assert 0.5 == found.value


def test_a_ratio_has_the_delta_methods_variance():
    rng = np.random.default_rng(5)
    z = rng.poisson(4, 400) + 1.0
    y = 2.5 * z + rng.normal(0, 1, 400)
    found, matrix = ratio(JointMoments.of(y, z)), np.cov(y, z)
    r, m = y.sum() / z.sum(), z.mean()
    expected = matrix[0, 0] / m**2 + matrix[1, 1] * y.mean() ** 2 / m**4 - 2 * matrix[0, 1] * y.mean() / m**3
    assert (r, expected) == pytest.approx((found.value, found.variance), rel=1e-10)


def test_a_ratio_of_ones_is_a_mean():
    y = np.random.default_rng(6).normal(3, 1, 50)
    assert astuple(mean(Moments.of(y)))[:3] == pytest.approx(astuple(ratio(JointMoments.of(y, np.ones(50))))[:3])


def test_a_ratio_counts_the_units_that_were_assigned():
    """Sessions of one customer are no separate news: 100 copies of each session change neither the value nor its error."""
    rng = np.random.default_rng(7)
    y, z = rng.normal(5, 1, 300), rng.integers(1, 9, 300).astype(float)
    assert astuple(ratio(JointMoments.of(y, z)))[:3] == pytest.approx(astuple(ratio(JointMoments.of(100 * y, 100 * z)))[:3])


def pre(sums, pre_sums, products):
    return Covaried(JointMoments.of_sums(Moments.of_sums(*sums), Moments.of_sums(*pre_sums), products))


def test_growthbooks_case_of_cuped():
    """TestSequentialTTest.test_sequential_test_runs_ra: a lift of 0.50338 with a deviation of 0.33341."""
    control = pre((3000, 1396.87, 52377.9767), (3000, 16.87, 527.9767), 1)
    found = adjust(control, pre((3461, 2422.7, 134698.29), (3461, 22.7, 1348.29), 1))
    effect = lift(found.control, found.treatment)
    assert (0.50338, 0.33341) == pytest.approx((effect.value, effect.error), abs=5e-6)


def test_cuped_is_a_regression_on_the_covariate_and_on_its_absence():
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    x, arm, gone = rng.normal(10, 3, 4000), rng.random(4000) < 0.4, rng.random(4000) < 0.2
    y = 2 * x + 0.3 * arm + np.where(gone, 4.0, 0.0) + rng.normal(0, 1, 4000)
    known = ~gone
    arms = [Covaried(JointMoments.of(y[of & known], x[of & known]), Moments.of(y[of & gone])) for of in (~arm, arm)]
    found = adjust(*arms)
    filled = np.where(gone, x[known].mean(), x)
    fit = sm.OLS(y, sm.add_constant(np.column_stack([filled, gone]))).fit()
    residual = y - fit.predict() + y.mean()
    assert fit.params[1] == pytest.approx(found.theta, rel=1e-6)
    for estimate, of in ((found.control, ~arm), (found.treatment, arm)):
        assert (residual[of].mean(), residual[of].var(ddof=1)) == pytest.approx((estimate.value, estimate.variance), rel=1e-6)
        assert y[of].mean() == pytest.approx(estimate.base)


def test_cuped_takes_away_the_squared_correlation():
    rng = np.random.default_rng(9)
    x = rng.normal(0, 1, 20_000)
    y = 0.8 * x + 0.6 * rng.normal(0, 1, 20_000)
    found = adjust(*(Covaried(JointMoments.of(y[half], x[half])) for half in (slice(0, 10_000), slice(10_000, None))))
    assert np.corrcoef(x, y)[0, 1] ** 2 == pytest.approx(found.reduction, abs=1e-3)


def test_a_covariate_that_says_nothing_changes_nothing():
    y = np.random.default_rng(10).normal(1, 1, 40)
    plain = [mean(Moments.of(part)) for part in (y[:20], y[20:])]
    for arms in (
        [Covaried(JointMoments.of(part, np.full(20, 7.0))) for part in (y[:20], y[20:])],
        [Covaried(missing=Moments.of(part)) for part in (y[:20], y[20:])],
    ):
        found = adjust(*arms)
        assert 0.0 == found.theta == found.reduction
        assert [(e.value, e.variance) for e in plain] == [pytest.approx((e.value, e.variance)) for e in (found.control, found.treatment)]


def test_covaried_arms_merge():
    one, two = pre((3, 6, 14), (3, 3, 5), 7), Covaried(missing=Moments.of([4.0]))
    assert Covaried(one.known, two.missing) == one + two == two + one
    assert Moments.of_sums(4, 10, 30) == (one + two).outcome


STILL = Estimate(1.0, 0.0, 10)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Estimate(1.0, 1.0, 1), "1 units, and two are needed"),
        (lambda: difference(STILL, STILL), "neither arm varies"),
        (lambda: lift(STILL, STILL), "neither arm varies"),
        (lambda: lift(Estimate(0.0, 1.0, 10), STILL), "control's value is 0"),
        (lambda: ratio(JointMoments.of([1, 2], [1, -1])), "denominators add up to 0"),
        (lambda: proportions.compare(Proportion(), Proportion(5, 1), alpha=0.05), "no unit"),
        (lambda: wilson(Proportion(), alpha=0.05), "no unit"),
        (lambda: adjust(Covaried(), Covaried()), "an arm has 0 units"),
        (lambda: judge(Estimate(-1.0, 1.0, 9), STILL, margin=0.1, relative=True, alpha=0.05), "one above 0"),
        (lambda: judge(Proportion(9, 0), Proportion(9, 1), margin=0.1, relative=True, alpha=0.05), "one above 0"),
    ],
)
def test_what_says_nothing_says_why(ask, message):
    with pytest.raises(UntestableError, match=message):
        ask()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Proportion(3, 4), "4 hits of 3"),
        (lambda: Proportion(3, -1), "-1 hits of 3"),
        (lambda: Estimate(math.nan, 1.0, 9), "finite"),
        (lambda: Estimate(1.0, math.inf, 9), "finite"),
        (lambda: Estimate(1.0, -1.0, 9), "finite"),
        (lambda: Estimate(1.0, 1.0, 9, base=math.nan), "finite"),
        (lambda: welch.compare(difference(STILL, replace(STILL, variance=1.0)), alpha=1.0), "alpha is 1"),
        (lambda: judge(STILL, STILL, margin=0.0, alpha=0.05), "a margin of 0"),
        (lambda: judge(STILL, STILL, margin=math.nan, alpha=0.05), "a margin of nan"),
        (lambda: judge(STILL, STILL, margin=1.0, relative=True, worse="lower", alpha=0.05), "a margin of 1"),
        (lambda: outcome(math.nan, 0.0), "say nothing"),
        (lambda: outcome(0.0, math.nan), "say nothing"),
    ],
)
def test_what_is_no_number_of_its_kind_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_guardrail_passes_fails_or_stays_open():
    control = Estimate(10.0, 4.0, 4000)
    outcomes = [judge(control, Estimate(value, 4.0, 4000), margin=0.2, alpha=0.05).outcome for value in (10.0, 10.1, 10.15, 10.5)]
    assert ["pass", "pass", "fail", "fail"] == outcomes
    assert "inconclusive" == judge(Estimate(10.0, 4.0, 100), Estimate(10.0, 4.0, 100), margin=0.2, alpha=0.05).outcome
    assert ["pass", "fail", "inconclusive"] == [outcome(-math.inf, -1.0), outcome(0.1, math.inf), outcome(-0.1, 0.0)]


@given(ARMS, ARMS, st.floats(0.01, 100))
def test_a_guardrail_of_what_should_be_low_mirrors_that_of_what_should_be_high(control, treatment, margin):
    mirrored = [replace(arm, value=-arm.value) for arm in (control, treatment)]
    one, other = judge(control, treatment, margin=margin, alpha=0.05), judge(*mirrored, margin=margin, worse="lower", alpha=0.05)
    assert one == other


def test_a_relative_margin_counts_the_noise_of_the_control():
    """m_t - 1.05 m_c: the same as Welch's of the treatment against a control 5 % larger (Fieller 1954)."""
    control, treatment = Estimate(10.0, 4.0, 500), Estimate(10.1, 5.0, 700)
    larger = Estimate(10.5, 4.0 * 1.05**2, 500)
    found = judge(control, treatment, margin=0.05, relative=True, alpha=0.05)
    assert welch.compare(difference(larger, treatment), alpha=0.1).high == pytest.approx(found.beyond)


def test_a_relative_margin_of_what_should_be_high_allows_that_share_to_be_lost():
    control, treatment = Estimate(10.0, 4.0, 5000), Estimate(9.8, 4.0, 5000)
    found = judge(control, treatment, margin=0.05, relative=True, worse="lower", alpha=0.05)
    least = Estimate(9.5, 4.0 * 0.95**2, 5000)
    assert -welch.compare(difference(least, treatment), alpha=0.1).low == pytest.approx(found.beyond)
    assert "pass" == found.outcome


def test_a_guardrail_of_rare_events_goes_by_newcombes_interval():
    none, few = Proportion(2000, 0), Proportion(50, 0)
    assert ("pass", "inconclusive") == tuple(judge(arm, arm, margin=0.01, alpha=0.05).outcome for arm in (none, few))
    found = judge(Proportion(2000, 4), Proportion(2000, 30), margin=0.005, alpha=0.05)
    low, high = newcombe(Proportion(2000, 4), Proportion(2000, 30), alpha=0.1)
    assert "fail" == found.outcome
    assert (0.013, low, high - 0.005) == pytest.approx(astuple(found)[1:])
    swapped = judge(Proportion(2000, 30), Proportion(2000, 4), margin=0.5, relative=True, worse="lower", alpha=0.05)
    assert "fail" == swapped.outcome
    assert "pass" == judge(Proportion(9000, 900), Proportion(9000, 900), margin=0.2, relative=True, alpha=0.05).outcome
