import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from headrace.stats.bootstrap import difference, roc_auc


def rows(n, seed=3):
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < 0.4).astype(float)
    return target, np.round(target + rng.normal(0, 1, n), 1), np.round(target + rng.normal(0, 1.5, n), 1)


def test_the_area_by_ranks_is_sklearns_with_ties():
    target, scores, _ = rows(500)
    assert roc_auc(target, scores) == pytest.approx(roc_auc_score(target, scores), rel=1e-12)


def test_all_resamples_at_once_are_those_one_by_one():
    target, a, b = rows(300)
    fast = difference("roc_auc", target, a, b, seed=5, resamples=50)
    slow = difference(roc_auc, target, a, b, seed=5, resamples=50)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx((slow.estimate, slow.low, slow.high))


def test_the_same_seed_gives_the_same_interval():
    target, a, b = rows(200)
    assert difference("roc_auc", target, a, b, seed=1) == difference("roc_auc", target, a, b, seed=1)


def test_swapping_the_models_flips_the_signs():
    target, a, b = rows(200)
    one, other = difference("roc_auc", target, a, b, seed=1), difference("roc_auc", target, b, a, seed=1)
    assert (one.estimate, one.low, one.high) == pytest.approx((-other.estimate, -other.high, -other.low))


def test_a_model_against_itself_differs_by_nothing():
    target, a, _ = rows(200)
    found = difference("roc_auc", target, a, a, seed=1)
    assert (found.low, found.estimate, found.high) == (0.0, 0.0, 0.0)


def test_the_bound_covers_as_often_as_it_says():
    missed = 0
    for seed in range(200):
        target, a, b = rows(400, seed)
        missed += difference("roc_auc", target, a, b, seed=seed, resamples=200, confidence=0.9).low > TRUE_DIFFERENCE
    assert 8 <= missed <= 34


# Normal scores one apart: the area is Phi(1 / sqrt(2 sd^2)).
TRUE_DIFFERENCE = 0.5 * (math.erf(1 / math.sqrt(2) / math.sqrt(2)) - math.erf(1 / math.sqrt(4.5) / math.sqrt(2)))


def test_one_class_alone_lets_no_comparison_pass():
    found = difference("roc_auc", np.ones(5), np.arange(5.0), np.arange(5.0), seed=1, resamples=10)
    assert (found.low, found.high, found.resamples) == (-math.inf, math.inf, 0)


def test_a_metric_that_raises_in_a_resample_is_left_out_of_it():
    target, a, b = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.7, 0.8]), np.array([0.5, 0.5, 0.5])
    found = difference(log_loss, target, a, b, seed=2, resamples=60)
    assert 0 < found.resamples < 60


def test_no_rows_are_no_area():
    assert math.isnan(roc_auc(np.array([]), np.array([])))
