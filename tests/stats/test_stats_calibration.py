"""Calibration: against bins made by hand, scikit-learn's regression, and Brier's score itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from headrace.builtin.metrics import calibration as metrics
from headrace.stats import calibration


def drawn(seed, n=400, slope=1.0, off=0.0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, n)
    return (rng.random(n) < 1 / (1 + np.exp(-(off + slope * logit)))).astype(float), 1 / (1 + np.exp(-logit))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 300), bins=st.integers(1, 20))
def test_the_parts_of_briers_score_add_up(seed, n, bins):
    target, said = drawn(seed, n)
    parts = calibration.decompose(target, said, bins)
    whole = np.mean((said - target) ** 2)
    assert whole == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty + parts.within)


def test_of_few_distinct_predictions_nothing_is_left_within_the_bins():
    rng = np.random.default_rng(1)
    said = rng.choice([0.1, 0.4, 0.8], 300)
    target = (rng.random(300) < said).astype(float)
    parts = calibration.decompose(target, said)
    assert 0 == pytest.approx(parts.within, abs=1e-12)


def test_bins_are_of_equal_mass():
    target, said = drawn(3, 300)
    order = np.argsort(said)
    by_hand = sum(len(part) * abs(said[part].mean() - target[part].mean()) for part in np.split(order, 15)) / 300
    assert by_hand == pytest.approx(calibration.expected_error(target, said))


def test_an_error_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(2)
    said = rng.choice([0.2, 0.2, 0.5, 0.9], 200)
    target, order = (rng.random(200) < 0.4).astype(float), rng.permutation(200)
    assert calibration.expected_error(target, said) == pytest.approx(calibration.expected_error(target[order], said[order]))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), slope=st.floats(0.4, 2), off=st.floats(-1, 1))
def test_the_line_is_scikit_learns(seed, slope, off):
    target, said = drawn(seed, 300, slope, off)
    if target.min() == target.max():
        return
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(np.log(said / (1 - said))[:, None], target)
    assert float(fitted.coef_[0, 0]) == pytest.approx(calibration.slope(target, said), abs=2e-3)


def test_the_intercept_makes_the_mean_right():
    target, said = drawn(5, off=0.8)
    a = calibration.intercept(target, said)
    moved = 1 / (1 + np.exp(-(a + np.log(said / (1 - said)))))
    assert (target.mean(), True) == (pytest.approx(moved.mean()), 0.4 < a < 1.2)


def test_what_is_not_defined_is_nan():
    nothing, ones = np.array([]), np.ones(5)
    parted = np.repeat([0.0, 1.0], 5)
    found = [
        calibration.expected_error(nothing, nothing),
        calibration.decompose(nothing, nothing).reliability,
        calibration.slope(ones, np.linspace(0.1, 0.9, 5)),
        calibration.intercept(ones, np.linspace(0.1, 0.9, 5)),
        calibration.slope(parted, np.full(10, 0.4)),
        calibration.slope(parted, np.linspace(0.1, 0.9, 10)),
    ]
    assert all(math.isnan(value) for value in found)


def test_metrics_are_good_for_what_was_drawn_as_it_says_and_bad_for_what_was_not():
    good, bad = drawn(7, 4000), drawn(7, 4000, slope=0.3, off=1.0)
    for name in ("expected_calibration_error", "brier_reliability", "calibration_slope_error", "calibration_intercept_error"):
        metric = getattr(metrics, name)
        assert metric(*good) < metric(*bad) / 2, name
    assert metrics.brier_resolution(*good) > metrics.brier_resolution(*bad)


def test_of_several_classes_the_most_probable_one_is_judged():
    rng = np.random.default_rng(4)
    said = rng.dirichlet([1, 1, 1], 500)
    target = rng.integers(0, 3, 500).astype(float)
    right = (said.argmax(axis=1) == target).astype(float)
    assert calibration.expected_error(right, said.max(axis=1)) == metrics.expected_calibration_error(target, said)
