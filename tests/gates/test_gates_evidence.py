"""Each verdict is evidence: how sure its value is, by which test, of which slices and groups; and it fails closed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from headrace.builtin import headrace_metrics
from headrace.gates import Absent, Facts, Maximum, Minimum, NoWorse, Slice, decide
from headrace.hooks import Metric

METRICS = {item.name: item for item in headrace_metrics()} | {
    "swapped": dataclasses.replace(next(item for item in headrace_metrics() if item.name == "accuracy"), compute=f"{__name__}:accuracy"),
    "own": Metric("own", f"{__name__}:own", "lower", needs="groups"),
    "dull": Metric("dull", f"{__name__}:dull", "higher"),
}


def accuracy(target, predictions):
    return 0.75


def own(target, predictions, groups):
    return float(abs(predictions[groups == "1"].mean() - predictions[groups == "2"].mean()))


def dull(target, predictions):
    if not np.array_equal(target, np.tile([0.0, 1.0], 200)):
        raise RuntimeError("a row came twice")
    return 0.9


@pytest.fixture
def facts():
    """400 rows; the candidate ranks well, but badly in the region `south`; 20 rows are of `isle`."""
    rng = np.random.default_rng(2)
    target = np.tile([0.0, 1.0], 200)
    region = np.array((["north"] * 19 + ["isle"]) * 10 + ["south"] * 200, dtype=object)
    gain = np.where(region == "south", 0.1, 0.8)
    said = np.clip(0.5 + gain * (target - 0.5) + rng.normal(0, 0.15, 400), 0, 1)
    plain = np.clip(0.5 + 0.1 * (target - 0.5) + rng.normal(0, 0.2, 400), 0, 1)
    sex = np.array(["1", "1", "2", "2"] * 100, dtype=object)
    rows = pd.DataFrame({"age": np.arange(400.0), "region": region})
    rows.loc[0, "age"] = None
    return Facts(
        target, said, {"region": region, "sex": sex}, {"baseline": plain, "champion": Absent("none", first=True)},
        np.linspace(0.001, 0.03, 400), rows=rows,
    )  # fmt: skip


def said(gate, facts):
    return decide(gate, facts, METRICS, seed=1)


@pytest.mark.parametrize(
    ("gate", "method"),
    [
        (Minimum("g", "accuracy", min=0.5), "Clopper-Pearson, exact"),
        (Minimum("g", "recall", min=0.5), "Clopper-Pearson, exact"),
        (Minimum("g", "precision", min=0.5), "Clopper-Pearson, exact"),
        (Minimum("g", "roc_auc", min=0.5), "DeLong, logit"),
        (Maximum("g", "latency_p99", max=1.0), "order statistics, exact"),
        (Maximum("g", "brier", max=0.9), "bootstrap, percentile"),
        (Maximum("g", "demographic_parity_difference", max=1, by="sex"), "bootstrap within groups, percentile"),
        (Maximum("g", "group_calibration_difference", max=2, by="sex"), "bootstrap within groups, percentile"),
        (NoWorse("g", "roc_auc", versus="baseline"), "bootstrap, percentile"),
        (NoWorse("g", "roc_auc", versus="baseline", test="delong"), "DeLong"),
        (NoWorse("g", "accuracy", versus="baseline", test="mcnemar"), "McNemar, Tango's score interval"),
    ],
)
def test_a_value_stands_between_two_others_and_it_is_told_by_which_method(facts, gate, method):
    judged = said(gate, facts)
    assert (method, True, True) == (judged.evidence["method"], judged.low <= judged.value <= judged.high, judged.passed)


def test_a_metric_in_the_place_of_ours_is_not_bounded_as_ours(facts):
    assert "bootstrap, percentile" == said(Minimum("g", "swapped", min=0.5), facts).evidence["method"]


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "brier"])
def test_what_must_be_proven_is_judged_by_the_bad_end(facts, metric):
    kind, word = (Maximum, "max") if metric == "brier" else (Minimum, "min")
    plain = said(kind("g", metric, **{word: 0.5}), facts)
    end = said(kind("g", metric, **{word: 0.5}, proven=True), facts)
    bad = end.high if metric == "brier" else end.low
    inside, at = (plain.value, bad)
    assert (True, False, True) == (
        said(kind("g", metric, **{word: inside}), facts).passed,
        said(kind("g", metric, **{word: inside}, proven=True), facts).passed,
        said(kind("g", metric, **{word: at}, proven=True), facts).passed,
    )


def test_without_an_interval_nothing_is_proven(facts):
    told = said(Minimum("g", "dull", min=0.5), facts)
    proven = said(Minimum("g", "dull", min=0.5, proven=True), facts)
    assert (True, True) == (told.passed, "a row came twice" in told.evidence["no_interval"])
    assert (False, "nothing is proven of it" in proven.reason) == (proven.passed, True)


@pytest.mark.parametrize(("least", "passed"), [(0.01, True), (0.9, False)])
def test_better_by_so_much_has_to_be_proven(facts, least, passed):
    judged = said(NoWorse("g", "roc_auc", versus="baseline", better_by_at_least=least), facts)
    assert (passed, -least, least, True) == (
        judged.passed, judged.threshold, judged.evidence["better_by_at_least"], f"{least:g} better is wanted" in judged.reason,
    )  # fmt: skip


def test_who_answers_the_same_is_not_better(facts):
    same = dataclasses.replace(facts, others={"baseline": facts.predictions})
    for test in ("bootstrap", "delong"):
        assert not said(NoWorse("g", "roc_auc", versus="baseline", better_by_at_least=0.001, test=test), same).passed
    mcnemar = said(NoWorse("g", "accuracy", versus="baseline", test="mcnemar"), same)
    assert (False, 0.0, 1.0) == (mcnemar.passed, mcnemar.value, mcnemar.evidence["p"])


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        (NoWorse("g", "brier", versus="baseline", test="delong"), "`test: delong` compares `roc_auc`"),
        (NoWorse("g", "roc_auc", versus="baseline", test="mcnemar"), "`test: mcnemar` compares `accuracy`"),
        (Minimum("g", "roc_auc", min=0, slices=[Slice(where="age >")]), "is no condition"),
        (Minimum("g", "roc_auc", min=0, slices=[Slice(where="shoe > 3")]), "`shoe` of `shoe > 3` is no input"),
        (Minimum("g", "roc_auc", min=0, slices=[Slice(by="shoe")]), "`shoe` is no input"),
        (Minimum("g", "roc_auc", min=0, slices=[Slice(by="region", min_rows=999)]), "no slice has enough rows: region=isle (10)"),
        (Minimum("g", "roc_auc", min=0, slices=[Slice(where="age < 20")]), "the slice `age < 20` has 19 rows, and 100 are needed"),
        (Maximum("g", "latency_p99", max=1, slices=[Slice(by="region")]), "has no value for a slice"),
    ],
)
def test_what_cannot_be_judged_fails_with_its_reason(facts, gate, reason):
    judged = said(gate, facts)
    assert (False, True) == (judged.passed, reason in judged.reason), judged.reason


def test_too_few_rows_of_a_class_prove_nothing_by_delong(facts):
    few = dataclasses.replace(facts, target=np.where(np.arange(400) < 5, 1.0, 0.0))
    judged = said(NoWorse("g", "roc_auc", versus="baseline", test="delong"), few)
    assert (False, True) == (judged.passed, "needs 10" in judged.reason)


def test_the_worst_slice_is_judged_and_a_small_one_is_named(facts):
    whole = Minimum("g", "roc_auc", min=0.8)
    judged = said(dataclasses.replace(whole, slices=[Slice(by="region", min_rows=50)]), facts)
    assert (True, False, "region=south") == (said(whole, facts).passed, judged.passed, judged.evidence["slice"])
    assert "insufficient, and not judged: region=isle (10)" in judged.reason
    assert [("region=isle", "insufficient", 10), ("region=north", "passed", 190), ("region=south", "failed", 200)] == [
        (item["slice"], item["status"], item["n"]) for item in judged.evidence["slices"]
    ]


def test_slices_of_a_comparison_all_must_pass(facts):
    gate = NoWorse("g", "roc_auc", versus="baseline", worse_by_at_most=0.02, slices=[Slice(by="region", min_rows=50)])
    judged = said(gate, facts)
    assert (True, False, "region=south") == (
        said(dataclasses.replace(gate, slices=()), facts).passed,
        judged.passed,
        judged.evidence["slice"],
    )


def test_a_slice_without_a_value_fails(facts):
    target = np.where(facts.groups["region"] == "south", 1.0, facts.target)
    judged = said(Minimum("g", "roc_auc", min=0, slices=[Slice(by="region", min_rows=50)]), dataclasses.replace(facts, target=target))
    assert (False, "region=south") == (judged.passed, judged.evidence["slice"])


def test_a_condition_holds_of_no_row_whose_value_is_missing(facts):
    judged = said(Minimum("g", "accuracy", min=0, slices=[Slice(where="age < 150 or region == 'isle'", min_rows=100)]), facts)
    assert 150 - 1 + 3 == judged.evidence["slices"][0]["n"]


def test_one_group_too_many_is_no_slice(facts):
    many = dataclasses.replace(facts, groups={"id": np.arange(400).astype(str).astype(object).repeat(1)})
    wide = dataclasses.replace(many, groups={"id": np.array([f"{n}" for n in range(400)], dtype=object)})
    two = [Slice(by="id", min_rows=1), Slice(by="id", min_rows=1)]
    assert "more than 500 slices" in said(Minimum("g", "accuracy", min=0, slices=two), wide).reason


def test_groups_of_two_columns_are_their_combinations(facts):
    judged = said(Maximum("g", "demographic_parity_difference", max=1, by=["sex", "region"], min_group=50), facts)
    names = [item["group"] for item in judged.evidence["groups"]]
    assert ["sex=1 & region=north", "sex=1 & region=south", "sex=2 & region=north", "sex=2 & region=south"] == names
    assert "left out for having fewer than 50 rows: sex=2 & region=isle" in judged.reason


def test_a_value_that_holds_the_separator_is_no_combination():
    groups = {"a": np.array(["x & y", "x"] * 100, dtype=object), "b": np.array(["z", "y & z"] * 100, dtype=object)}
    target = np.tile([0.0, 1.0], 100)
    judged = decide(
        Maximum("g", "demographic_parity_difference", max=1, by=["a", "b"], min_group=10), Facts(target, target, groups), METRICS, seed=1
    )
    assert 2 == len(judged.evidence["groups"])


def test_a_small_group_has_wide_bounds(facts):
    judged = said(Maximum("g", "demographic_parity_difference", max=1, by="region", min_group=10), facts)
    width = {item["group"]: item["said_yes"]["high"] - item["said_yes"]["low"] for item in judged.evidence["groups"]}
    assert width["region=isle"] > 2 * width["region=north"]


def test_a_plugins_metric_of_groups_is_drawn_within_them(facts):
    judged = said(Maximum("g", "own", max=1, by="sex"), facts)
    assert ("bootstrap within groups, percentile", True) == (judged.evidence["method"], judged.low <= judged.value <= judged.high)


def test_evidence_is_the_same_twice(facts):
    gate = Maximum("g", "brier", max=1, slices=[Slice(by="sex")])
    assert said(gate, facts) == said(gate, facts)
