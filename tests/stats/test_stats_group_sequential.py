import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from headrace.stats.effect import Effect
from headrace.stats.group_sequential import boundaries, compare, crossing, inflation, spending_boundaries, spent

INFORMATION = st.lists(st.integers(20, 400), min_size=1, max_size=6, unique=True).map(lambda looks: sorted(look / 400 for look in looks))


def equal(k):
    return [place / k for place in range(1, k + 1)]


@pytest.mark.parametrize(
    ("spending", "printed"),
    [
        ("pocock", [2.495115, 2.476907, 2.454964, 2.437262, 2.423276, 2.412059]),
        ("obrien_fleming", [5.366558, 3.710340, 2.969736, 2.538677, 2.252190, 2.044790]),
    ],
)
def test_boundaries_are_gsdesigns(spending, printed):
    """gsDesign's reference page of sfLDOF, printed for k = 6, test.type = 2; computed there with a tolerance of 1e-6 of probability."""
    assert printed == pytest.approx(boundaries(equal(6), alpha=0.05, spending=spending), abs=3e-6)


@pytest.mark.parametrize("bounds", [[2.453211] * 6, [5.028296, 3.555542, 2.903088, 2.514148, 2.248722, 2.052793]])
def test_gsdesigns_own_boundaries_are_crossed_with_their_level(bounds):
    """The same page: Pocock's and O'Brien and Fleming's own boundaries for six looks."""
    assert 0.025 == pytest.approx(sum(crossing(equal(6), bounds)), abs=5e-8)


@pytest.mark.parametrize(
    ("k", "pocock", "obrien_fleming"),
    [(2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040), (8, 2.512, 2.072), (10, 2.555, 2.087)],
)
def test_the_constants_of_jennison_and_turnbull_have_their_level(k, pocock, obrien_fleming):
    """Jennison and Turnbull (2000), tables 2.1 and 2.3, alpha 0.05: printed to three places."""
    assert 0.05 == pytest.approx(2 * sum(crossing(equal(k), [pocock] * k)), abs=1.5e-4)
    assert 0.05 == pytest.approx(2 * sum(crossing(equal(k), [obrien_fleming / math.sqrt(t) for t in equal(k)])), abs=1.5e-4)


def test_the_inflation_of_jennison_and_turnbull_has_its_power():
    """Tables 2.2 and 2.4, five looks, power 0.8 and 0.9: 1.229 and 1.207 for Pocock's, 1.028 and 1.026 for O'Brien and Fleming's."""
    for bounds, printed in (([2.413] * 5, (1.229, 1.207)), ([2.040 / math.sqrt(t) for t in equal(5)], (1.028, 1.026))):
        for power, times in zip((0.8, 0.9), printed, strict=True):
            drift = math.sqrt(times) * (norm.ppf(0.975) + norm.ppf(power))
            assert power == pytest.approx(sum(crossing(equal(5), bounds, drift=drift)), abs=5e-4)


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_inflated_units_have_the_wanted_power(spending, power):
    bounds = boundaries(equal(5), alpha=0.05, spending=spending)
    drift = math.sqrt(inflation(equal(5), alpha=0.05, power=power, spending=spending)) * (norm.ppf(0.975) + norm.ppf(power))
    assert power == pytest.approx(sum(crossing(equal(5), bounds, drift=drift)), abs=1e-7)


def test_spotifys_case_of_overrunning():
    """spotify/confidence, tests/frequentist/test_bounds.py: two-sided levels by look with alpha t^2 spent, 0.01 in all.

    Its own tolerance is 1e-4, and its second value lies 1.3e-4 from the exact one.
    """
    information = [n / 810 for n in (250, 440, 630, 810)]
    found = spending_boundaries(information, [0.005 * t**2 for t in information])
    assert [0.00095, 0.00241, 0.00410, 0.00636] == pytest.approx([2 * norm.sf(bound) for bound in found], abs=1.5e-4)


@settings(max_examples=15, deadline=None)
@given(INFORMATION, st.floats(0.001, 0.2), st.sampled_from(["pocock", "obrien_fleming"]), st.sampled_from([1, 2]))
def test_each_look_spends_what_it_may(information, alpha, spending, sides):
    cumulative = [spent(t, alpha=alpha / sides, spending=spending) for t in information]
    bounds = boundaries(information, alpha=alpha, spending=spending, sides=sides)
    found = np.cumsum(crossing(information, bounds, sides=sides))
    assert cumulative == pytest.approx(found.tolist(), rel=1e-6, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(INFORMATION, st.sampled_from(["pocock", "obrien_fleming"]), st.integers(1, 5))
def test_later_looks_change_no_boundary(information, spending, upto):
    whole = boundaries(information, alpha=0.05, spending=spending)
    assert whole[:upto] == pytest.approx(boundaries(information[:upto], alpha=0.05, spending=spending), abs=1e-7)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.1, 1.0), min_size=3, max_size=3, unique=True).map(sorted), st.floats(-2, 3))
def test_crossing_is_the_multivariate_normal_distribution(information, drift):
    """P(no crossing on one side by the third look), by SciPy's own integration of the joint distribution of the three z."""
    assume(min(np.diff(information)) > 0.01)
    bounds = [2.4, 2.2, 2.0]
    covariance = [[math.sqrt(min(s, t) / max(s, t)) for s in information] for t in information]
    mean = [drift * math.sqrt(t) for t in information]
    within = multivariate_normal(mean, covariance).cdf(bounds, rng=np.random.default_rng(1))
    assert 1 - within == pytest.approx(sum(crossing(information, bounds, drift=drift, sides=1)), abs=2e-4)


@given(st.floats(0.001, 3), st.floats(0.001, 3), st.sampled_from(["pocock", "obrien_fleming"]))
def test_spending_rises_to_all_of_it(s, t, spending):
    early, late = (spent(at, alpha=0.025, spending=spending) for at in sorted((s, t)))
    assert early <= late <= 0.025 * (1 + 1e-12)
    assert 0.025 == pytest.approx(spent(1.0, alpha=0.025, spending=spending))
    assert spent(1.0, alpha=0.025, spending=spending) == spent(7.0, alpha=0.025, spending=spending)


def test_one_look_at_the_end_is_the_z_test():
    assert [norm.ppf(0.975)] == pytest.approx(boundaries([1.0], alpha=0.05, spending="pocock"))
    assert [norm.ppf(0.95)] == pytest.approx(boundaries([1.0], alpha=0.05, spending="obrien_fleming", sides=1))


def test_a_look_without_anything_to_spend_cannot_cross():
    overrun = boundaries([0.5, 1.2, 1.4], alpha=0.05, spending="pocock")
    close = boundaries([0.5, 0.5002, 1.0], alpha=0.05, spending="pocock")
    assert [close[0], close[2]] == pytest.approx(boundaries([0.5, 1.0], alpha=0.05, spending="pocock"), abs=1e-9)
    assert math.inf == close[1]
    early = boundaries([1e-4, 0.5, 0.5, 1.0], alpha=0.05, spending="obrien_fleming")
    assert ([False, False, True], [True, False, True, False]) == ([math.isinf(b) for b in overrun], [math.isinf(b) for b in early])
    assert boundaries([0.5, 1.0], alpha=0.05, spending="obrien_fleming") == pytest.approx([early[1], early[3]], abs=1e-7)


def test_a_hundred_looks_are_computed():
    found = boundaries(equal(100), alpha=0.05, spending="obrien_fleming")
    assert (100, True) == (len(found), all(a > b for a, b in pairwise(found)))


def test_an_effect_is_judged_by_the_boundary_of_its_look():
    found = compare(Effect(0.03, 0.01, 5000, 4998), bound=2.9, alpha=0.05)
    assert (0.03, 0.001, 0.059, 2 * norm.sf(3), 0.95) == pytest.approx((found.estimate, found.low, found.high, found.p, found.confidence))
    never = compare(Effect(0.03, 0.01, 5000, 4998), bound=math.inf, alpha=0.05)
    assert (-math.inf, math.inf) == (never.low, never.high)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: spent(0.0, alpha=0.05, spending="pocock"), "has to be positive"),
        (lambda: spent(math.nan, alpha=0.05, spending="pocock"), "has to be positive"),
        (lambda: boundaries([0.5, 0.4], alpha=0.05), "never fall"),
        (lambda: boundaries([0.5], alpha=1.5), "alpha is"),
        (lambda: spending_boundaries([0.5, 1.0], [0.02, 0.01]), "it rises"),
        (lambda: spending_boundaries([0.5], [1.0]), "stays below 1"),
        (lambda: spending_boundaries([0.5], [0.7]), "no boundary above 0"),
        (lambda: crossing([math.nan], [2.0]), "positive and never fall"),
    ],
)
def test_what_is_no_plan_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_boundary_of_nothing_leaves_no_one():
    assert [0.5, 0.0] == pytest.approx(crossing([0.5, 1.0], [0.0, 0.0]))
