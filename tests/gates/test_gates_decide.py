"""One gate over facts: it passes what it should, and fails closed."""

import dataclasses
import sys
import threading

import numpy as np
import pytest

from headrace.builtin import headrace_metrics
from headrace.gates import Absent, Facts, Maximum, Minimum, NoWorse, decide
from headrace.hooks import Metric

METRICS = {item.name: item for item in headrace_metrics()} | {
    "raising": Metric("raising", f"{__name__}:raising", "higher"),
    "nan": Metric("nan", f"{__name__}:nan", "higher"),
    "infinite": Metric("infinite", f"{__name__}:infinite", "higher"),
    "hanging": Metric("hanging", f"{__name__}:hanging", "higher", seconds=0.05),
    "ending": Metric("ending", f"{__name__}:ending", "higher"),
    "lost": Metric("lost", "no.such.module:metric", "higher"),
}


def raising(target, predictions):
    raise ZeroDivisionError("no rows")


def hanging(target, predictions):
    while True:
        threading.Event().wait()


def ending(target, predictions):
    sys.exit(0)


def nan(target, predictions):
    return float("nan")


def infinite(target, predictions):
    return float("inf")


@pytest.fixture
def facts():
    """400 rows, half of each answer; the candidate ranks well, the baseline worse, and there is no champion."""
    rng = np.random.default_rng(2)
    target = np.tile([0.0, 1.0], 200)
    answers = {name: np.clip(0.5 + gain * (target - 0.5) + rng.normal(0, 0.2, 400), 0, 1) for name, gain in (("good", 0.6), ("plain", 0.3))}
    groups = np.array(["1", "1", "2", "2"] * 95 + ["3"] * 20, dtype=object)
    others = {"baseline": answers["plain"], "champion": Absent("there is no champion", first=True)}
    return Facts(target, answers["good"], {"sex": groups}, others, np.linspace(0.001, 0.03, 100))


def said(gate, facts):
    return decide(gate, facts, METRICS, seed=1)


def with_champion(facts, champion):
    return dataclasses.replace(facts, others={**facts.others, "champion": champion})


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        (Minimum("g", "roc_auc", min=0.9), True),
        (Minimum("g", "roc_auc", min=0.999), False),
        (Maximum("g", "log_loss", max=0.6), True),
        (Maximum("g", "log_loss", max=0.1), False),
        (Maximum("g", "latency_p99", max=0.04), True),
        (Maximum("g", "latency_p99", max=0.02), False),
        (Maximum("g", "demographic_parity_difference", max=0.2, by="sex"), True),
        (Maximum("g", "demographic_parity_difference", max=0.0001, by="sex"), False),
        (NoWorse("g", "roc_auc", versus="baseline"), True),
        (NoWorse("g", "log_loss", versus="baseline"), True),
        (NoWorse("g", "roc_auc", versus="champion", first="pass"), True),
        (NoWorse("g", "roc_auc", versus="champion", first="baseline"), True),
        (NoWorse("g", "roc_auc", versus="champion"), False),
    ],
)
def test_a_gate_says_yes_or_no(facts, gate, passed):
    assert passed == said(gate, facts).passed


def test_a_bound_itself_passes(facts):
    value = said(Minimum("g", "accuracy", min=0), facts).value
    assert (True, True) == (
        said(Minimum("g", "accuracy", min=value), facts).passed,
        said(Maximum("g", "accuracy", max=value), facts).passed,
    )


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_worse_than_the_champion_is_no(facts, metric):
    worse = dataclasses.replace(with_champion(facts, facts.predictions), predictions=facts.others["baseline"])
    assert not said(NoWorse("g", metric, versus="champion", worse_by_at_most=0.005, first="pass"), worse).passed


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_champion_that_answers_the_same_is_not_worse(facts, metric):
    judged = said(NoWorse("g", metric, versus="champion"), with_champion(facts, facts.predictions))
    assert (True, 0.0, 0.0, 0.0) == (judged.passed, judged.value, judged.low, judged.high)


def test_how_much_worse_is_allowed_counts_from_the_bad_end(facts):
    noisy = with_champion(facts, np.clip(facts.predictions + np.random.default_rng(0).normal(0, 0.01, 400), 0, 1))
    strict = said(NoWorse("g", "roc_auc", versus="champion"), noisy)
    loose = said(NoWorse("g", "roc_auc", versus="champion", worse_by_at_most=-strict.low), noisy)
    assert (True, True) == (strict.passed == (strict.low >= 0), loose.passed)


def test_more_confidence_asks_for_more(facts):
    lows = [said(NoWorse("g", "roc_auc", versus="baseline", confidence=confidence), facts).low for confidence in (0.8, 0.95, 0.99)]
    assert lows == sorted(lows, reverse=True)


def test_small_groups_are_named_and_left_out(facts):
    judged = said(Maximum("g", "demographic_parity_difference", max=1, by="sex", min_group=100), facts)
    assert (True, 380, True) == (judged.passed, judged.n, "left out for having fewer than 100 rows: sex=3 (20)" in judged.reason)


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        (Minimum("g", "nonsense", min=0), "no plugin offers the metric `nonsense`"),
        (Minimum("g", "raising", min=0), "`raising` failed: ZeroDivisionError: no rows"),
        (Minimum("g", "hanging", min=0), "`hanging` failed: OutOfTime: it did not end within 0.05 s"),
        (NoWorse("g", "hanging", versus="baseline"), "`hanging` failed: OutOfTime: it did not end within 0.05 s"),
        (Minimum("g", "ending", min=0), "`ending` failed: Ended: it called sys.exit(0)"),
        (Minimum("g", "lost", min=0), "`lost` failed: ModuleNotFoundError"),
        (Minimum("g", "nan", min=-9), "nan is not defined on these rows"),
        (Maximum("g", "nan", max=9), "nan is not defined on these rows"),
        (NoWorse("g", "nan", versus="baseline"), "nan is not defined on these rows"),
        (Maximum("g", "equalized_odds_difference", max=1), "`by` names no groups"),
        (Maximum("g", "equalized_odds_difference", max=1, by="race"), "`race` is no input of the model"),
        (Maximum("g", "equalized_odds_difference", max=1, by="sex", min_group=300), "fewer than two groups of `sex` have 300 rows"),
        (NoWorse("g", "equalized_odds_difference", versus="baseline"), "needs a metric of probabilities"),
        (NoWorse("g", "latency_p99", versus="baseline"), "needs a metric of probabilities"),
    ],
)
def test_what_cannot_be_computed_fails_with_its_reason(facts, gate, reason):
    judged = said(gate, facts)
    assert (False, True) == (judged.passed, reason in judged.reason)


GATES = (
    Minimum("g", "roc_auc", min=0),
    Maximum("g", "log_loss", max=99),
    Maximum("g", "demographic_parity_difference", max=1, by="sex"),
    NoWorse("g", "roc_auc", versus="baseline", worse_by_at_most=1),
    NoWorse("g", "roc_auc", versus="champion", first="pass"),
)


@pytest.mark.parametrize("gate", GATES)
def test_a_candidate_that_does_not_answer_fails_every_gate(facts, gate):
    judged = said(gate, dataclasses.replace(facts, predictions=Absent("it is altered")))
    assert (False, "the candidate did not answer: it is altered") == (judged.passed, judged.reason)


@pytest.mark.parametrize("first", ["pass", "baseline", None])
def test_a_champion_that_cannot_be_asked_is_not_one_that_is_missing(facts, first):
    judged = said(
        NoWorse("g", "roc_auc", versus="champion", worse_by_at_most=1, first=first), with_champion(facts, Absent("it is altered"))
    )
    assert (False, "the champion cannot be compared with: it is altered") == (judged.passed, judged.reason)


def test_without_a_baseline_nothing_is_no_worse_than_it(facts):
    judged = said(NoWorse("g", "roc_auc", versus="baseline", worse_by_at_most=1), dataclasses.replace(facts, others={}))
    assert (False, "the baseline cannot be compared with: it was not asked") == (judged.passed, judged.reason)


def test_without_a_latency_no_limit_holds(facts):
    judged = said(Maximum("g", "latency_p99", max=99), dataclasses.replace(facts, seconds=Absent("it raised")))
    assert (False, "the latency is not known: it raised") == (judged.passed, judged.reason)


def test_rows_of_one_answer_leave_ranking_undefined(facts):
    one = dataclasses.replace(facts, target=np.ones(400))
    assert (False, False) == (said(GATES[0], one).passed, said(GATES[3], one).passed)


def test_an_infinite_value_is_judged_and_not_written_down(facts):
    judged = said(Maximum("g", "infinite", max=1), facts)
    assert (False, None) == (judged.passed, judged.value)
