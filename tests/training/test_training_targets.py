"""Answers that a task cannot be learned from are refused before anything is trained."""

import numpy as np
import pandas as pd
import pytest

from headrace import registry
from headrace.compiled import SourceConfig
from headrace.diagnostics import HeadraceError
from headrace.training import train
from headrace.training.reproduce import reproduce

KINDS = {"id": "int64", "seen": "timestamp", "age": "float", "colour": "category", "left": "int64"}
SOURCE = SourceConfig.model_validate(
    {
        "uri": "people.pq",
        "columns": {name: {"from": name, "type": kind} for name, kind in KINDS.items()},
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)
MULTI, NUMBER = "lightgbm.multiclass", "lightgbm.regressor"
SMALL = {"n_estimators": 5}


@pytest.fixture
def do(store, plugins, make_rows, people):
    """Train on people whose answer is this; the source's column is what the task says."""

    def run(answers, algorithm, **instead):
        kind = "category" if algorithm == MULTI else "float"
        columns = {**SOURCE.columns, "left": SOURCE.columns["left"].model_copy(update={"type": kind})}
        source = SOURCE.model_copy(update={"columns": columns})
        task = plugins.algorithms[algorithm].task
        frame = people.head(len(answers)).assign(left=answers)
        rows = make_rows(frame=frame, sources={"people": source}, task=task, **instead)
        return train(store, plugins, rows, actor="test", algorithm=algorithm, params=SMALL, seed=7)

    return run


def test_classes_are_kept_sorted_and_metrics_are_those_of_the_task(do, people):
    made = do(np.where(people["age"] > 45, "old", np.where(people["age"] < 35, "Young", "middle")), MULTI)
    assert 0.5 < made.metrics["accuracy"] <= 1
    assert "rmse" not in made.metrics


def test_a_version_of_named_classes_is_made_again(do, people, store, plugins):
    made = do(np.where(people["age"] > 45, "old", np.where(people["age"] < 35, "Young", "middle")), MULTI)
    with store.read() as session:
        version = registry.get(session, made.model, made.number)
    assert "same" == reproduce(store, plugins, version).outcome


def test_whole_numbers_are_classes_too(do, people):
    assert 0.5 < do((people["age"] // 15).astype(int).clip(2, 3), MULTI).metrics["accuracy"]


def test_a_number_is_learned(do, people):
    assert 0.3 < do(people["age"] * 2.0, NUMBER).metrics["r2"]


@pytest.mark.parametrize(
    ("answers", "algorithm", "fault", "why"),
    [
        (["same"] * 400, MULTI, "one-class", "is `same` in all"),
        ([3.0] * 400, NUMBER, "constant-target", "is 3 in all"),
        ([None, *["a", "b"] * 199, "a"], MULTI, "bad-target", "must name a class"),
        ([np.nan, *np.arange(399.0)], NUMBER, "bad-target", "must be a finite number"),
        ([np.inf, *np.arange(399.0)], NUMBER, "changed-type", "row 1 holds `inf`"),
        (["much", *["1"] * 399], NUMBER, "changed-type", "row 1 holds `much`"),
    ],
)
def test_what_cannot_be_learned_is_refused_by_its_name(do, answers, algorithm, fault, why):
    with pytest.raises(HeadraceError) as raised:
        do(answers, algorithm)
    assert [(fault, True)] == [(said.id, why in said.message) for said in raised.value.report]


def test_a_class_of_held_out_rows_alone_is_named(do, people, make_rows, store):
    handle = make_rows("r0")
    frame = pd.read_parquet(store.blobs.path(handle.digest))
    held = set(frame.loc[frame["side"] == "holdout", "id"].astype(int).head(2))
    answers = ["rare" if person in held else "ab"[person % 2] for person in people["id"]]
    with pytest.raises(HeadraceError) as raised:
        do(answers, MULTI)
    assert [("unseen-class", True)] == [(said.id, "`rare` (2)" in said.message) for said in raised.value.report]


@pytest.mark.parametrize(("answers", "algorithm"), [(["a", "b"] * 5, MULTI), (np.arange(10.0), NUMBER)])
def test_ten_rows_are_few_and_no_fault(do, answers, algorithm):
    assert 1 == do(answers, algorithm).number


def test_text_is_no_number(make_rows, people):
    columns = {**SOURCE.columns, "left": SOURCE.columns["left"].model_copy(update={"type": "category"})}
    source = SOURCE.model_copy(update={"columns": columns})
    with pytest.raises(HeadraceError, match=r"bad-target.*holds text \(`yes`\), and the task `regression`"):
        make_rows(frame=people.assign(left="yes"), sources={"people": source}, task="regression")


def test_where_no_baseline_is_chosen_the_usual_is_trained(do, store, people):
    do(people["age"] * 2.0, NUMBER)
    with store.read() as session:
        baseline = registry.get(session, "churn", 1).manifest["baseline"]
    assert ("baseline.mean", True) == (baseline["algorithm"], baseline["metrics"]["r2"] <= 0)
