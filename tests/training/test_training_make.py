"""Rows set apart, training that ends early and is taken up, answers that are calibrated, folds: all on the training side alone."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from headrace import registry
from headrace.builtin.algorithms.lightgbm_classifier import load
from headrace.diagnostics import HeadraceError
from headrace.hooks.watch import LOSS
from headrace.training import Calibrate, EarlyStopping, GroupFolds, StratifiedFolds, TimeFolds, Tuned, train
from headrace.training.apart import Parts, parts
from headrace.training.calibrate import calibration
from headrace.training.checkpoint import Checkpoint
from headrace.training.fit import Sides
from headrace.training.folds import deal
from headrace.training.make import _Progress


@pytest.fixture
def do_train(store, plugins, make_rows):
    def do(rows=None, **instead):
        usual = {"algorithm": "lightgbm.classifier", "params": {"n_estimators": 30}, "seed": 7, "actor": "service:train"}
        made = train(store, plugins, rows or make_rows(), **(usual | instead))
        with store.read() as session:
            return registry.get(session, "churn", made.number)

    return do


def text(data):
    return data.decode().split("\nparameters:")[0]


FRAME = pd.DataFrame(
    {
        "id": np.arange(300) // 3,
        "seen": pd.date_range("2020-01-01", periods=300, freq="D", tz="UTC"),
        "left": (np.arange(300) % 5 == 0).astype(float),
    }
)


def test_parts_are_disjoint_and_whole_and_keep_entities_together():
    apart = parts(FRAME, EarlyStopping(5, 0.2), Calibrate("sigmoid", 0.3), entity="id", time="seen", seed=1)
    sides = [apart.fit, apart.validation, apart.calibration]
    assert list(range(300)) == sorted(np.concatenate(sides).tolist())
    assert 300 == sum(3 * FRAME["id"].iloc[side].nunique() for side in sides)
    assert all(len(side) > 20 for side in sides)


def test_the_newest_rows_are_apart_where_the_split_is_by_time():
    apart = parts(FRAME, EarlyStopping(5, 0.1, newest=True), None, entity="id", time="seen", seed=1)
    assert (270, list(range(270, 300))) == (len(apart.fit), apart.validation.tolist())


def test_a_share_that_leaves_nothing_is_refused():
    with pytest.raises(HeadraceError, match="too-few-rows"):
        parts(FRAME[:3], EarlyStopping(5, 0.001), None, entity="id", time="seen", seed=1)


@pytest.mark.parametrize("how", [StratifiedFolds(4), GroupFolds(4, "id")])
def test_each_row_is_evaluated_once(how):
    pairs = deal(FRAME, how, target="left", time="seen", seed=3)
    assert list(range(300)) == sorted(np.concatenate([rest for _, rest in pairs]).tolist())
    assert all(not set(train) & set(rest) and len(train) + len(rest) == 300 for train, rest in pairs)


def test_stratified_folds_have_the_answers_of_the_whole():
    pairs = deal(FRAME, StratifiedFolds(5), target="left", time="seen", seed=3)
    assert all(abs(FRAME["left"].iloc[rest].sum() - 12) <= 2 and abs(len(rest) - 60) <= 2 for _, rest in pairs)
    numbers = deal(FRAME.assign(left=np.arange(300.0)), StratifiedFolds(5), target="left", time="seen", seed=3)
    assert all(abs(rest.mean() - 149.5) < 5 for _, rest in numbers)


def test_stratified_folds_have_the_classes_of_the_whole():
    classes = FRAME.assign(left=["rare", "often", "often", "usual", "usual", "usual"] * 50)
    for _, rest in deal(classes, StratifiedFolds(5), target="left", time="seen", seed=3):
        shares = classes["left"].iloc[rest].value_counts()
        assert abs(shares["rare"] - 10) <= 2
        assert abs(shares["usual"] - 30) <= 2


def test_a_group_is_in_one_fold():
    for train_, rest in deal(FRAME, GroupFolds(4, "id"), target="left", time="seen", seed=3):
        assert not set(FRAME["id"].iloc[train_]) & set(FRAME["id"].iloc[rest])


def test_folds_by_time_see_nothing_of_the_gap_or_later():
    pairs = deal(FRAME, TimeFolds(3, timedelta(days=10)), target="left", time="seen", seed=3)
    assert [(65, 75, 150), (140, 150, 225), (215, 225, 300)] == [(train_[-1] + 1, rest[0], rest[-1] + 1) for train_, rest in pairs]


@pytest.mark.parametrize(("how", "rows"), [(StratifiedFolds(5), 4), (GroupFolds(3, "id"), 6), (TimeFolds(5, timedelta()), 5)])
def test_more_folds_than_rows_or_groups_are_refused(how, rows):
    with pytest.raises(HeadraceError, match="too-few-rows"):
        deal(FRAME[:rows], how, target="left", time="seen", seed=3)


def test_a_gap_that_leaves_nothing_to_train_on_is_refused():
    with pytest.raises(HeadraceError, match="fold 1 of 3 has no rows to train on"):
        deal(FRAME, TimeFolds(3, timedelta(days=200)), target="left", time="seen", seed=3)


def test_training_ends_at_the_step_with_the_least_loss(do_train, store):
    losses = {}
    version = do_train(
        params={"n_estimators": 200, "num_leaves": 4},
        early_stopping=EarlyStopping(5, 0.3),
        step=lambda number, values: losses.update({number: values[LOSS]}),
    )
    told = version.manifest["early_stopping"]
    best = min(losses, key=losses.get)
    assert (best, best + 5, losses[best]) == (told["steps"], told["trained"], told[LOSS])
    assert best == load(store.blobs.get(version.model_digest), signature=None).booster.num_trees() < 200
    assert 0 < told["rows"]["validation"] < told["rows"]["fit"]


def test_early_stopping_of_an_algorithm_that_cannot_is_refused(do_train):
    with pytest.raises(HeadraceError, match="not-watched"):
        do_train(algorithm="sklearn.logistic_regression", params={}, early_stopping=EarlyStopping(5, 0.3))


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_calibrated_answers_are_served_as_they_were_evaluated(do_train, store, plugins, method):
    version = do_train(calibrate=Calibrate(method, 0.3))
    reference = pd.read_parquet(store.blobs.path(version.manifest["reference"]))
    served = registry.load(store, plugins, version)
    assert reference["prediction"].tolist() == served.predictor.predict(served.signature.encode(reference)).tolist()
    assert ("headrace-model+lightgbm-text", method) == (version.format, version.manifest["calibration"]["method"])


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_calibration_makes_wrong_odds_right(method):
    """Answers that are much too sure, of which the true odds are known."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.1, 0.9, 20000)
    sure = 1 / (1 + np.exp(-(4 * np.log(truth / (1 - truth)) + 1)))
    found = calibration(method, sure, (rng.random(20000) < truth).astype(float))
    assert abs(found.apply(sure) - truth).mean() < 0.02 < abs(sure - truth).mean()


def test_calibration_needs_both_answers():
    with pytest.raises(HeadraceError, match="one-class"):
        calibration("isotonic", np.array([0.1, 0.2]), np.array([1.0, 1.0]))


def test_cross_validation_stands_in_the_manifest(do_train):
    cv = do_train(cv=StratifiedFolds(3)).manifest["cv"]
    found = cv["metrics"]["roc_auc"]
    assert ({"by": "stratified", "folds": 3}, 3) == (cv["by"], len(found["folds"]))
    assert (np.mean(found["folds"]), np.std(found["folds"], ddof=1)) == pytest.approx((found["mean"], found["sd"]))


def test_what_the_held_out_rows_say_moves_nothing_but_their_own_metrics(do_train, make_rows, store, people):
    """The same training side; the held-out answers turned round."""
    recipe = {"cv": StratifiedFolds(2), "early_stopping": EarlyStopping(5, 0.3), "calibrate": Calibrate("sigmoid", 0.2)}
    one = do_train(make_rows("r1"), **recipe)
    held = pd.read_parquet(store.blobs.path(one.manifest["reference"]))["id"].astype(str)
    turned = people.assign(left=np.where(people["id"].astype(str).isin(held), 1 - people["left"], people["left"]))
    two = do_train(make_rows("r2", turned), **recipe)
    assert one.model_digest == two.model_digest
    assert (one.manifest["cv"], one.manifest["metrics"] == two.manifest["metrics"]) == (two.manifest["cv"], False)


def test_searched_parameters_go_before_those_of_the_spec(do_train):
    tuned = Tuned("sha256:a", "sha256:b", 3, {"num_leaves": 5}, {"roc_auc": 0.9}, {"complete": 4})
    manifest = do_train(tuned=tuned).manifest
    assert (5, 30, tuned.to_json()) == (manifest["params"]["num_leaves"], manifest["params"]["n_estimators"], manifest["tuned"])


def test_a_checkpoint_of_another_model_or_a_torn_one_is_passed_over(tmp_path):
    kept = Checkpoint.of_run(tmp_path, "r1", "one")
    assert kept.read() is None
    kept.write([0.5, 0.25], b"tree\nmore")
    assert ([0.5, 0.25], b"tree\nmore") == kept.read()
    assert Checkpoint.of_run(tmp_path, "r1", "two").read() is None
    kept.path.write_bytes(kept.path.read_bytes()[:-2])
    assert kept.read() is None
    kept.drop()
    assert not kept.path.exists()


KILLED = """
import json, os, signal, sys
from pathlib import Path
from headrace.diagnostics import Report
from headrace.features import Rows
from headrace.hooks import load_plugins
from headrace.store import Store
from headrace.training import EarlyStopping, train

root, seen = Path(sys.argv[1]), []
def step(number, values):
    seen.append(number)
    if len(sys.argv) > 2 and number == 130:
        os.kill(os.getpid(), signal.SIGKILL)

store = Store.open("sqlite:///state.db", "blobs", root=root)
rows = Rows(**json.loads((root / "rows.json").read_text()))
train(store, load_plugins(None, Report(), allow=[]), rows, actor="service:train", algorithm="lightgbm.classifier",
    params={"n_estimators": 180, "learning_rate": 0.002, "num_leaves": 4}, seed=7, early_stopping=EarlyStopping(170, 0.3), step=step)
print(seen[0])
"""


def test_what_is_told_within_a_step_is_progress_and_ends_nothing():
    told = []
    none = np.arange(0)
    progress = _Progress(EarlyStopping(1, 0.1), lambda number, values: told.append((number, dict(values))), None)
    watch = progress.watch(Sides(none, none, none, none), Parts(none, none, none))
    for number in (100, 200, 300):
        watch.within(number, {LOSS: float(number)})
    assert [(number, {LOSS: float(number)}) for number in (100, 200, 300)] == told
    assert {"trained": 0, "steps": 0, LOSS: None} == {word: progress.told()[word] for word in ("trained", "steps", LOSS)}


def test_a_run_that_was_killed_goes_on_to_the_same_version(store, make_rows, tmp_path):
    import dataclasses

    def run(*killed):
        command = [sys.executable, "-c", KILLED, str(tmp_path), *killed]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ)

    (tmp_path / "rows.json").write_text(json.dumps(dataclasses.asdict(make_rows())))
    assert -signal.SIGKILL == run("killed").returncode
    assert "101" == run().stdout.strip()
    (tmp_path / "rows.json").write_text(json.dumps(dataclasses.asdict(make_rows("r2"))))
    assert "1" == run().stdout.strip()
    with store.read() as session:
        one, two = registry.versions(session, "churn")
    models = [text(store.blobs.get(version.model_digest)) for version in (one, two)]
    assert models[0] == models[1]
    assert (one.manifest["metrics"], one.manifest["early_stopping"]) == (two.manifest["metrics"], two.manifest["early_stopping"])
    assert not list((tmp_path / ".headrace" / "checkpoints").iterdir())
