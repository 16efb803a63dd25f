"""The reference project's model on real data: what it scores, how fairly, and that it can be made again."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from headrace.compiled import read_workspace
from headrace.features import Category, Number, RandomSplit, Target, training_rows
from headrace.gates import Maximum, NoWorse, judge
from headrace.training import Baseline, train

SPECS = Path(__file__).parents[2] / "specs"
PARAMS = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31}


@pytest.fixture
def rows(store, plugins, tmp_path):
    source = read_workspace(SPECS.parent).sources["census"]
    view = yaml.safe_load((SPECS / "features.yaml").read_text(encoding="utf-8"))["features"]
    inputs = [Number(name, item["column"]) if name == "age" else Category(name, item["column"]) for name, item in view.items()]
    return training_rows(
        store, plugins.readers, root=tmp_path, sources={"census": source}, views={}, model="employment", run_id="r1", source="census",
        entity="person_id", time="surveyed_at", target=Target("employed", timedelta(days=30)), inputs=inputs,
        split=RandomSplit(0.2, "target"), seed=7,
    )  # fmt: skip


@pytest.mark.slow
def test_the_census_model_scores_what_it_is_known_to_score(store, plugins, rows):
    baseline = Baseline("sklearn.logistic_regression")
    candidate = train(store, plugins, rows, actor="test", algorithm="lightgbm.classifier", params=PARAMS, seed=7, baseline=baseline)
    asked = (Maximum("fair", "equalized_odds_difference", max=0.12, by="sex"), NoWorse("useful", "roc_auc", versus="baseline"))
    verdict = judge(store, plugins, actor="test", model="employment", number=1, run_id="r1", gates=asked)
    fair, useful = verdict.payload["gates"]
    assert (68_785, True, True) == (rows.rows, verdict.passed, useful["low"] > 0.02)
    assert (0.906, 0.06) == (pytest.approx(candidate.metrics["roc_auc"], abs=0.006), pytest.approx(fair["value"], abs=0.025))


@pytest.mark.slow
def test_a_stack_on_the_census_is_no_worse_than_its_best_member(store, plugins, rows):
    """By the gate that judges candidates, with the best member alone as the baseline."""
    trees = {"id": "trees", "algorithm": "lightgbm.classifier", "params": {"n_estimators": 60}}
    line = {"id": "line", "algorithm": "python.classifier", "params": {"python": "sklearn.naive_bayes:GaussianNB"}}
    alone = Baseline(trees["algorithm"], trees["params"])
    params = {"members": [trees, line]}
    made = train(store, plugins, rows, actor="test", algorithm="ensemble.stacking_classifier", params=params, seed=7, baseline=alone)
    asked = (NoWorse("useful", "roc_auc", versus="baseline", worse_by_at_most=0.002, confidence=0.95),)
    assert judge(store, plugins, actor="test", model="employment", number=made.number, run_id="r1", gates=asked).passed
