"""Training: what is registered, that it repeats itself, and what is refused."""

import dataclasses
import hashlib
import io
import json
import sys
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, ConfigDict

from headrace import registry
from headrace.builtin.algorithms.lightgbm_classifier import Params as LightGbm
from headrace.builtin.metrics.probability import roc_auc
from headrace.diagnostics import HeadraceError
from headrace.hooks import Algorithm, Metric, Origin
from headrace.stats.bins import Profile
from headrace.store import events
from headrace.training import Baseline, train


class Layers(BaseModel):
    """Parameters that JSON writes otherwise than Python."""

    model_config = ConfigDict(strict=True)
    layers: tuple[int, ...]
    rest: timedelta = timedelta(minutes=1)


class Constant:
    """A model that answers one value to every row."""

    def __init__(self, value):
        self.value = value

    def predict(self, matrix):
        return np.full(len(matrix), self.value)


def fit_nan(matrix, target, *, signature, params, seed):
    return Constant(np.nan)


def fit_two(matrix, target, *, signature, params, seed):
    return Constant(2.0)


def fit_broken(matrix, target, *, signature, params, seed):
    raise RuntimeError("no convergence")


def hanging(target, predictions):
    while True:
        threading.Event().wait()


def ending(target, predictions):
    sys.exit(3)


def fit_half(matrix, target, *, signature, params, seed):
    return Constant(0.5)


def save(model):
    return b"x"


def load(data, *, signature):
    return Constant(0.25)


def load_half(data, *, signature):
    return Constant(0.5)


def load_nan(data, *, signature):
    return Constant(np.nan)


def raising(target, predictions):
    raise ValueError("never")


def algorithm(fit, load="load"):
    here = __name__
    return Algorithm(
        "bad", "binary", "headrace.builtin.algorithms.lightgbm_classifier:Params", f"{here}:{fit}", f"{here}:save", f"{here}:{load}", "x"
    )


@pytest.fixture
def do_train(store, plugins, make_rows):
    def do(rows=None, **instead):
        usual = {"algorithm": "lightgbm.classifier", "params": {"n_estimators": 10}, "seed": 7, "actor": "service:train"}
        return train(store, instead.pop("plugins", plugins), rows or make_rows(), **(usual | instead))

    return do


@pytest.fixture
def version(store):
    def get(number=1):
        with store.read() as session:
            return registry.get(session, "churn", number)

    return get


def parquet(store, digest):
    return pd.read_parquet(io.BytesIO(store.blobs.get(digest)))


def test_a_candidate_is_a_registered_version(do_train, version):
    candidate = do_train()
    made = version()
    assert ("churn", 1, made.run_id, made.manifest_digest, made.manifest["metrics"]) == dataclasses.astuple(candidate)


def test_the_manifest_says_what_the_model_was_made_of(do_train, version, make_rows):
    rows = make_rows()
    do_train(rows, baseline=Baseline("sklearn.logistic_regression"))
    manifest = version().manifest
    assert {
        "model": "churn",
        "number": 1,
        "algorithm": "lightgbm.classifier",
        "params": LightGbm(n_estimators=10).model_dump(),
        "target": "left",
        "seed": 7,
        "as_of": rows.as_of,
        "rows": {"train": rows.train, "holdout": rows.holdout, "new": 0},
    } == {key: manifest[key] for key in ("model", "number", "algorithm", "params", "target", "seed", "as_of", "rows")}


def test_the_manifest_says_what_the_baseline_was_made_of(do_train, version):
    do_train(baseline=Baseline("sklearn.logistic_regression", {"c": 0.5}))
    baseline = version().manifest["baseline"]
    assert ("sklearn.logistic_regression", {"c": 0.5, "max_iter": 1000, "class_weight": None}) == (
        baseline["algorithm"],
        baseline["params"],
    )


def test_parameters_are_read_as_the_spec_reads_them(do_train, version, plugins):
    """From JSON, where a tuple is a list and a duration is text."""
    layered = dataclasses.replace(algorithm("fit_half", "load_half"), params=f"{__name__}:Layers")
    do_train(plugins=dataclasses.replace(plugins, algorithms={"bad": layered}), algorithm="bad", params={"layers": [8, 4], "rest": "PT5M"})
    assert {"layers": [8, 4], "rest": "PT5M"} == version().manifest["params"]


def test_every_digest_of_the_lineage_is_there(do_train, version, make_rows):
    rows = make_rows()
    do_train(rows)
    digests = version().manifest["digests"]
    assert (["code", "data", "environment", "model", "spec"], rows.digest) == (sorted(digests), digests["data"])


def test_the_signature_has_the_categories_of_the_training_side_alone(do_train, version, make_rows, people, store):
    sides = parquet(store, make_rows().digest).set_index("id")["side"]
    people["colour"] = [
        "mauve" if sides[str(i)] == "holdout" and i % 2 else colour for i, colour in zip(people["id"], people["colour"], strict=True)
    ]
    do_train(make_rows(frame=people))
    assert ["blue", "green", "red"] == version().manifest["signature"][1]["categories"]


def test_metrics_are_of_the_held_out_rows(do_train, version, store):
    candidate = do_train()
    held = parquet(store, version().manifest["reference"])
    assert candidate.metrics["roc_auc"] == roc_auc(held["left"].to_numpy(), held["prediction"].to_numpy())


def test_the_reference_is_the_held_out_rows_with_answers_and_predictions(do_train, version, store, make_rows):
    rows = make_rows()
    do_train(rows)
    held = parquet(store, version().manifest["reference"])
    assert (["id", "seen", "age", "paint", "left", "prediction"], rows.holdout) == (list(held), len(held))


def test_the_profile_is_of_the_training_rows_and_of_the_answers_to_the_held_out_ones(do_train, version, store, make_rows):
    rows = make_rows()
    do_train(rows)
    profile = Profile.from_json(json.loads(store.blobs.get(version().manifest["profile"])))
    assert {"age": rows.train, "paint": rows.train, "prediction": rows.holdout} == {
        name: bins.rows for name, bins in profile.columns.items()
    }


def test_the_same_rows_and_seed_give_the_same_model(do_train, version, make_rows):
    do_train(make_rows("r1"), baseline=Baseline("sklearn.logistic_regression"))
    do_train(make_rows("r2"), baseline=Baseline("sklearn.logistic_regression"))
    one, two = version(1).manifest, version(2).manifest
    assert (one["digests"], one["baseline"], one["reference"], one["profile"]) == (
        two["digests"],
        two["baseline"],
        two["reference"],
        two["profile"],
    )


def test_a_changed_parameter_changes_spec_and_model_and_nothing_else(do_train, version, make_rows):
    do_train(make_rows("r1"))
    do_train(make_rows("r2"), params={"n_estimators": 11})
    one, two = version(1).manifest["digests"], version(2).manifest["digests"]
    assert {"spec", "model"} == {part for part in one if one[part] != two[part]}


def test_a_loaded_candidate_answers_as_its_reference_says(do_train, version, store, plugins):
    do_train()
    held = parquet(store, version().manifest["reference"])
    loaded = registry.load(store, plugins, version())
    assert held["prediction"].tolist() == loaded.predictor.predict(loaded.signature.encode(held)).tolist()


def test_a_step_tried_again_registers_nothing_twice(do_train, store, make_rows):
    rows = make_rows()
    assert do_train(rows) == do_train(rows)
    with store.read() as session:
        assert 1 == len(events.log(session, "churn", [events.EventKind.CANDIDATE_REGISTERED]))


def test_a_metric_that_fails_is_none_and_ends_nothing(do_train, plugins):
    more = dataclasses.replace(plugins, metrics={**plugins.metrics, "odd": Metric("odd", f"{__name__}:raising", "higher")})
    assert do_train(plugins=more).metrics["odd"] is None


def test_a_metric_that_hangs_or_ends_python_has_no_value_and_says_why(do_train, version, plugins):
    hangs = Metric("hangs", f"{__name__}:hanging", "higher", seconds=0.05)
    ends = Metric("ends", f"{__name__}:ending", "higher")
    candidate = do_train(plugins=dataclasses.replace(plugins, metrics={**plugins.metrics, "hangs": hangs, "ends": ends}))
    assert (None, None) == (candidate.metrics["hangs"], candidate.metrics["ends"])
    line = hanging.__code__.co_firstlineno + 2
    assert {
        "hangs": f"OutOfTime: it did not end within 0.05 s, and was at {Path(__file__).name}:{line}",
        "ends": "Ended: it called sys.exit(3)",
    } == version().manifest["failed_metrics"]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (algorithm("fit_nan"), r"bad-predictions.*are NaN"),
        (algorithm("fit_two"), r"bad-predictions.*no probability for"),
        (algorithm("fit_broken"), r"training-failed.*RuntimeError: no convergence"),
        (algorithm("fit_half"), "unfaithful-format"),
        (algorithm("fit_half", "load_nan"), "bad-predictions"),
    ],
)
def test_a_model_that_cannot_be_served_is_not_registered(do_train, plugins, store, broken, fault):
    with pytest.raises(HeadraceError, match=fault):
        do_train(plugins=dataclasses.replace(plugins, algorithms={"bad": broken}), algorithm="bad", params={})
    with store.read() as session:
        assert [] == registry.versions(session, "churn")


def test_an_unknown_algorithm_lists_those_there_are(do_train):
    with pytest.raises(HeadraceError) as raised:
        do_train(algorithm="xgboost")
    (said,) = raised.value.report
    assert "unknown-algorithm" == said.id
    assert {"lightgbm.classifier", "sklearn.logistic_regression"} <= set(said.help.removeprefix("there are: ").split(", "))


def test_bad_parameters_are_named(do_train):
    with pytest.raises(HeadraceError, match=r"bad-params.*`num_leaves`.*`nonsense`"):
        do_train(params={"num_leaves": 1, "nonsense": 2})


def test_rows_that_were_altered_are_refused(do_train, make_rows, store):
    rows = make_rows()
    path = store.blobs.path(rows.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(HeadraceError, match="artifact-altered"):
        do_train(rows)


def test_the_manifest_names_whose_plugins_a_model_was_made_by(do_train, version, plugins, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("# mine\n")
    theirs = {
        ("algorithm", "lightgbm.classifier"): Origin("acme-trees", "installed", "1.2"),
        ("algorithm", "sklearn.logistic_regression"): Origin("plugins/mine.py", "project", path=file),
    }
    own = dataclasses.replace(plugins, origins=plugins.origins | theirs)
    do_train(plugins=own, baseline=Baseline("sklearn.logistic_regression"), through={"acme-avro": "0.3"})
    expected = {"acme-avro": "0.3", "acme-trees": "1.2", "plugins/mine.py": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"}
    assert expected == version().manifest["plugins"]


def test_what_is_built_in_is_no_plugin_of_anybodys(do_train, version):
    do_train()
    assert "plugins" not in version().manifest
