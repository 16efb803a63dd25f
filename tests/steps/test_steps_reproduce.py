"""A version is made again from its recorded inputs, byte for byte, or what moved is named."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from test_steps_train import rows

from headrace import registry
from headrace.builtin.algorithms import lightgbm_classifier
from headrace.cli.reproduce import command
from headrace.steps import training
from headrace.store import digest
from headrace.training import lineage

pytestmark = pytest.mark.usefixtures("root")


def reproduced(*more):
    done = CliRunner().invoke(command, ["model/churn@latest", *more])
    return done.exit_code, json.loads(done.stdout) if "--json" in more else done.stdout


@pytest.fixture
def version(place):
    def made(algorithm="lightgbm.classifier", **params):
        candidate = training.train(rows(), algorithm=algorithm, params=params, seed=7)
        with place.store.read() as session:
            return registry.get(session, "churn", candidate.number)

    return made


def altered(place, name):
    path = place.store.blobs.path(name)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    ("algorithm", "params"),
    [
        ("lightgbm.classifier", {"n_estimators": 12, "subsample": 0.5, "subsample_freq": 1, "colsample_bytree": 0.5}),
        ("sklearn.logistic_regression", {"c": 0.3}),
    ],
)
def test_a_version_is_the_same_again_and_nothing_is_registered(place, version, algorithm, params):
    version(algorithm, **params)
    code, told = reproduced("--json")
    with place.store.read() as session:
        assert (0, "same", [], 188, [1]) == (
            code, told["outcome"], told["moved"], told["rows"], [item.number for item in registry.versions(session, "churn")],
        )  # fmt: skip
    assert "is the same again" in reproduced()[1]


def test_the_settings_behind_lightgbms_trees_are_no_part_of_the_comparison(place, version, monkeypatch):
    made = version(n_estimators=5)
    usual = lightgbm_classifier.save
    monkeypatch.setattr(lightgbm_classifier, "save", lambda model: usual(model).replace(b"[num_threads: 1]", b"[num_threads: 2]"))
    text = place.store.blobs.get(made.model_digest)
    assert (1, 0) == (text.count(b"[num_threads: 1]"), reproduced("--json")[0])


def test_an_algorithm_that_gives_another_model_is_found_out(version, monkeypatch):
    version(n_estimators=5)
    usual = lightgbm_classifier.fit
    monkeypatch.setattr(
        lightgbm_classifier, "fit", lambda matrix, target, **more: usual(np.asarray(matrix, dtype=np.float32) + 0.25, target, **more)
    )
    code, told = reproduced("--json")
    assert (4, "differs", []) == (code, told["outcome"], told["moved"])
    assert ("the model is another" in told["why"], "of 188 predictions are others" in told["why"]) == (True, True)
    assert "does not give the same twice" in reproduced()[1]


def test_packages_files_and_the_machine_that_moved_are_named(version, monkeypatch):
    version(n_estimators=5)
    installed = lineage.environment().decode().splitlines()
    moved = ["numpy==0.0.1" if line.startswith("numpy==") else line for line in installed]
    there = next(line for line in installed if line.startswith("numpy=="))
    files = lineage.code()
    monkeypatch.setattr(lineage, "environment", lambda: "\n".join(moved).encode())
    monkeypatch.setattr(lineage, "code", lambda _=(): files.replace(b"training/fit.py\0", b"training/fit.py\0f", 1))
    monkeypatch.setattr(lineage, "machine", lambda: {"architecture": "riscv64"})
    code, told = reproduced("--json")
    details = {item["input"]: item["details"] for item in told["moved"]}
    assert (0, "same") == (code, told["outcome"])
    assert {
        "code": ["training/fit.py differs"],
        "environment": [f"numpy {there.removeprefix('numpy==')} → 0.0.1"],
        "architecture": [],
    } == details
    assert "architecture has moved" in reproduced()[1]


def test_rows_that_are_missing_or_altered_are_told(place, version):
    made = version(n_estimators=5)
    path = altered(place, made.manifest["digests"]["data"])
    data = path.read_bytes()
    path.write_bytes(data + b"x")
    first, told = reproduced("--json")
    path.unlink()
    second, again = reproduced("--json")
    assert ((1, "cannot"), (1, "cannot")) == ((first, told["outcome"]), (second, again["outcome"]))
    assert ("artifact-altered" in told["why"], "artifact-missing" in again["why"]) == (True, True)
    assert "cannot be made again" in reproduced()[1]


def test_a_list_of_packages_that_was_not_kept_is_said_to_be(place, version, monkeypatch):
    made = version(n_estimators=5)
    altered(place, made.manifest["digests"]["environment"]).unlink()
    monkeypatch.setattr(lineage, "environment", lambda: b"a==1")
    (moved,) = reproduced("--json")[1]["moved"]
    assert (["the list was not kept, or was lost: only its digest is known"], digest(b"a==1")) == (moved["details"], moved["now"])


def test_a_training_that_fails_cannot_be_repeated(version, monkeypatch):
    version(n_estimators=5)
    monkeypatch.delattr(lightgbm_classifier, "fit")
    code, told = reproduced("--json")
    assert (1, "cannot", True) == (code, told["outcome"], "training-failed" in told["why"])
