"""The built-in metrics against scikit-learn, and against what a hand computes."""

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from headrace.builtin import headrace_metrics
from headrace.hooks import resolve

METRICS = {item.name: resolve(item.compute) for item in headrace_metrics()}
ORACLES = {
    "roc_auc": sklearn_metrics.roc_auc_score,
    "average_precision": sklearn_metrics.average_precision_score,
    "log_loss": sklearn_metrics.log_loss,
    "brier": sklearn_metrics.brier_score_loss,
    "accuracy": lambda target, predictions: sklearn_metrics.accuracy_score(target, predictions >= 0.5),
}


def drawn(seed):
    """Answers and probabilities with many ties, and with 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    target = (rng.random(200) < 0.3).astype(float)
    return target, np.round(np.clip(rng.normal(0.3 + 0.3 * target, 0.3), 0, 1), 1)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ORACLES)
def test_a_metric_is_scikit_learns(name, seed):
    target, predictions = drawn(seed)
    assert ORACLES[name](target, predictions) == pytest.approx(METRICS[name](target, predictions), rel=1e-9)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_without_a_positive_ranking_is_not_defined(name):
    assert math.isnan(METRICS[name](np.zeros(5), np.linspace(0, 1, 5)))


# Group a: 3 positives of which 2 are told (2/3), 2 negatives of which 1 is told (1/2).
# Group b: 2 positives of which 2 are told (1), 4 negatives of which 1 is told (1/4).
TARGET = np.array([1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0], dtype=float)
PREDICTIONS = np.array([0.9, 0.5, 0.1, 0.8, 0.2, 0.7, 0.6, 0.9, 0.1, 0.2, 0.3])
GROUPS = np.array(list("aaaaabbbbbb"), dtype=object)


def test_equalized_odds_is_the_greater_of_two_differences():
    assert METRICS["equalized_odds_difference"](TARGET, PREDICTIONS, GROUPS) == pytest.approx(1 / 3)


def test_equalized_odds_sees_false_positives_as_well():
    assert METRICS["equalized_odds_difference"](1 - TARGET, PREDICTIONS, GROUPS) == pytest.approx(1 / 3)


def test_demographic_parity_is_the_difference_of_shares():
    assert METRICS["demographic_parity_difference"](TARGET, PREDICTIONS, GROUPS) == pytest.approx(3 / 5 - 3 / 6)


def test_a_group_without_positives_leaves_the_odds_undefined():
    assert math.isnan(METRICS["equalized_odds_difference"](np.where(GROUPS == "a", 0.0, TARGET), PREDICTIONS, GROUPS))


@pytest.mark.parametrize("name", ["equalized_odds_difference", "demographic_parity_difference"])
def test_one_group_alone_has_no_difference(name):
    assert math.isnan(METRICS[name](TARGET, PREDICTIONS, np.full(11, "a", dtype=object)))


def test_names_of_groups_change_nothing():
    swapped = np.where(GROUPS == "a", "b", "a").astype(object)
    name = "equalized_odds_difference"
    assert METRICS[name](TARGET, PREDICTIONS, GROUPS) == METRICS[name](TARGET, PREDICTIONS, swapped)


def test_the_99th_percentile_is_one_that_was_measured():
    assert METRICS["latency_p99"](np.arange(1.0, 101.0)) == 100.0
