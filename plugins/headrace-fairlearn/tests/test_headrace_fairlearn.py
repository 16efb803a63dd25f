"""Every metric keeps its contract, says what its definition says, and is not defined where a rate is not."""

import numpy as np
import pytest

import headrace_fairlearn
from headrace.testing import check_metric
from headrace_fairlearn import METRICS

TARGET = np.array([1, 1, 0, 0, 1, 1, 1, 1, 0, 0.0])
YES = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0.0])
GROUPS = np.array(["a"] * 4 + ["b"] * 6, dtype=object)
BY_HAND = {
    "demographic_parity_difference": 3 / 4 - 1 / 6,
    "demographic_parity_ratio": (1 / 6) / (3 / 4),
    "equalized_odds_difference": 1 - 1 / 4,
    "equalized_odds_ratio": 0.0,
    "equal_opportunity_difference": 1 - 1 / 4,
    "equal_opportunity_ratio": 1 / 4,
    "worst_group_accuracy": 3 / 6,
}


def named(metric) -> str:
    return metric.name.removeprefix("fairlearn.")


@pytest.mark.parametrize("metric", METRICS, ids=named)
def test_the_metric_keeps_its_contract(metric):
    assert check_metric(metric) == []


@pytest.mark.parametrize("metric", METRICS, ids=named)
def test_the_metric_says_what_its_definition_says(metric):
    value = getattr(headrace_fairlearn, named(metric))(TARGET, YES, GROUPS)
    assert pytest.approx(BY_HAND[named(metric)]) == value


@pytest.mark.parametrize("name", [name for name in BY_HAND if "opportunity" in name or "odds" in name])
def test_a_rate_over_no_row_is_not_defined(name):
    target = np.where(GROUPS == "b", 0.0, TARGET)
    assert np.isnan(getattr(headrace_fairlearn, name)(target, YES, GROUPS))
