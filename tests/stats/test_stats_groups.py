"""How groups are treated: equal to fairlearn's figures, and intervals that hold."""

import math
import warnings

import fairlearn.metrics as oracle
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headrace.builtin.metrics import fairness
from headrace.stats import groups as by_group

NAMES = ("demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_difference", "equalized_odds_difference")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(8, 200), of=st.integers(2, 5))
def test_figures_are_fairlearns(seed, n, of):
    rng = np.random.default_rng(seed)
    target, said = (rng.random(n) < 0.5).astype(float), rng.random(n)
    groups = rng.integers(0, of, n).astype(str).astype(object)
    own = {name: getattr(fairness, name)(target, said, groups) for name in (*NAMES, "equalized_odds_ratio")}
    assume(len(np.unique(groups)) > 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in own.items():
            if not math.isnan(value):
                asked = getattr(oracle, name)(target, (said >= 0.5).astype(int), sensitive_features=groups)
                assert asked == pytest.approx(value), name


def test_a_rate_of_no_rows_is_no_number():
    target, said = np.array([1.0, 1, 0, 0]), np.array([0.9, 0.9, 0.1, 0.1])
    groups = np.array(["a", "a", "b", "b"], dtype=object)
    found = {name: getattr(fairness, name)(target, said, groups) for name in (*NAMES, "equalized_odds_ratio")}
    assert ["equal_opportunity_difference", "equalized_odds_difference", "equalized_odds_ratio"] == sorted(
        name for name, value in found.items() if math.isnan(value)
    )


@pytest.mark.parametrize("name", [*NAMES, "equalized_odds_ratio", "group_calibration_difference"])
def test_one_group_is_compared_with_nobody(name):
    one = np.array(["a"] * 4, dtype=object)
    assert math.isnan(getattr(fairness, name)(np.array([0.0, 1, 0, 1]), np.array([0.2, 0.8, 0.7, 0.4]), one))


def test_who_is_told_too_much_differs_from_who_is_told_too_little():
    target, said = np.array([0.0, 1, 0, 1]), np.array([0.7, 0.9, 0.1, 0.5])
    groups = np.array(["a", "a", "b", "b"], dtype=object)
    assert 0.5 == pytest.approx(fairness.group_calibration_difference(target, said, groups))


def test_an_interval_of_small_groups_is_wide_and_mostly_holds():
    rng = np.random.default_rng(8)
    held, widths = 0, {}
    for size in (40, 400):
        widths[size] = []
        for round_ in range(100):
            counts = np.stack([rng.multinomial(size, [0.3, 0.2, 0.2, 0.3]), rng.multinomial(size, [0.45, 0.05, 0.3, 0.2])])
            drawn = by_group.demographic_parity_difference(by_group.drawn(counts, seed=round_, resamples=300))
            low, high = np.quantile(drawn, [0.05, 0.95])
            held += low <= 0.25 <= high
            widths[size].append(high - low)
    assert held / 200 >= 0.83
    assert np.mean(widths[40]) > 2.5 * np.mean(widths[400])
