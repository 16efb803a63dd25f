"""Gates of models that answer one of several classes, a number, or quantiles."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import recall_score

from headrace.builtin import headrace_gates, headrace_metrics
from headrace.gates import Absent, ByPlugin, Facts, Maximum, Minimum, NoWorse, decide
from headrace.hooks import Answers

METRICS = {item.name: item for item in headrace_metrics()}
KINDS = {item.name: item for item in headrace_gates()}
CLASSES = Answers("multiclass", ("a", "b", "c"))


def told(target, knows, seed):
    rng = np.random.default_rng(seed)
    given = rng.gamma(1.0, 1.0, (len(target), 3)) + knows * (target[:, None] == np.arange(3))
    return given / given.sum(axis=1, keepdims=True)


@pytest.fixture
def facts():
    """300 rows of three classes; the candidate knows more than the baseline, and there is no champion."""
    target = np.tile([0.0, 1.0, 2.0, 0.0, 0.0, 1.0], 50)
    others = {"baseline": told(target, 0.5, 2), "champion": Absent("there is no champion", first=True)}
    return Facts(target, told(target, 2.0, 1), others=others, answers=CLASSES)


def said(gate, facts):
    return decide(gate, facts, METRICS, seed=1, kinds=KINDS)


def test_each_class_must_pass_by_itself(facts):
    recalls = recall_score(facts.target, facts.predictions.argmax(axis=1), average=None)
    one = said(Minimum("g", "recall", min=0.9, each="class"), facts)
    worst = "abc"[int(recalls.argmin())]
    assert (False, pytest.approx(recalls.min()), True) == (one.passed, one.value, f"of the class `{worst}`, the worst of 3" in one.reason)
    assert said(Minimum("g", "recall", min=recalls.min() - 0.01, each="class"), facts).passed


def test_an_average_is_the_one_that_was_asked_for(facts):
    values = {average: said(Minimum("g", "f1", min=0.0, average=average), facts).value for average in (None, "macro", "weighted")}
    assert (values["macro"], True) == (values[None], values["weighted"] != values["macro"])


def test_a_class_that_no_held_out_row_has_does_not_pass(facts):
    here = facts.target != 2
    fewer = dataclasses.replace(facts, target=facts.target[here], predictions=facts.predictions[here])
    assert "not defined for the class `c`" in said(Minimum("g", "roc_auc", min=0.0, each="class"), fewer).reason
    assert not said(Minimum("g", "roc_auc", min=0.0), fewer).passed


@pytest.mark.parametrize("average", [None, "weighted"])
@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "f1"])
def test_a_better_model_of_classes_is_no_worse(facts, metric, average):
    one = said(NoWorse("g", metric, versus="baseline", average=average), facts)
    assert (True, True) == (one.passed, one.low <= one.value <= one.high)


def test_no_class_may_be_worse(facts):
    worse = facts.predictions.copy()
    b = facts.target == 1
    worse[b] = worse[b][:, [1, 0, 2]]
    one = said(NoWorse("g", "recall", versus="baseline", each="class"), dataclasses.replace(facts, predictions=worse))
    assert (False, True) == (one.passed, "recall of the class `b` differs" in one.reason)
    assert said(NoWorse("g", "recall", versus="baseline", each="class", worse_by_at_most=0.05), facts).passed


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        (Minimum("g", "r2", min=0.0), "`r2` is no metric of the task `multiclass`"),
        (Maximum("g", "equalized_odds_difference", max=0.1, by="sex"), "no metric of the task"),
        (Minimum("g", "accuracy", min=0.0, each="class"), "has no value for each class"),
        (ByPlugin("g", "prediction_spread"), "`prediction_spread` is no gate of the task `multiclass`"),
    ],
)
def test_what_is_made_for_another_task_fails_closed(facts, gate, reason):
    one = said(gate, facts)
    assert (False, True) == (one.passed, reason in one.reason)


def test_numbers_and_quantiles_are_compared_by_resampling():
    rng = np.random.default_rng(3)
    target = rng.normal(size=200)
    near, far = target + rng.normal(0, 0.3, 200), np.zeros(200)
    number = Facts(target, near, others={"baseline": far}, answers=Answers("regression"))
    assert said(NoWorse("g", "rmse", versus="baseline"), number).passed
    levels = Answers("quantile", quantiles=(0.1, 0.9))
    fans = {name: middle[:, None] + np.array([-width, width]) for name, middle, width in (("near", near, 0.4), ("far", far, 1.3))}
    fan = Facts(target, fans["near"], others={"baseline": fans["far"]}, answers=levels)
    assert said(NoWorse("g", "pinball_loss", versus="baseline"), fan).passed
    assert said(Maximum("g", "coverage_error", max=0.2), fan).passed
