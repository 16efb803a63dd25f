"""Runs in notebooks: what the block logs is found, how it ends is known, and autologging never stands in the way of a fit."""

import json
import math
import warnings
from datetime import UTC, datetime

import numpy as np
import pytest

import headrace
from headrace import tracking
from headrace.compiled import read_workspace
from headrace.diagnostics import HeadraceError
from headrace.hooks.limit import computing
from headrace.steps.workspace import workspace

CONFIG = {
    "project": "shop",
    "language": 1,
    "environment": "dev",
    "production": False,
    "store": "sqlite:///.headrace/state.db",
    "blobs": ".headrace/blobs",
    "spool": ".headrace/spool",
    "plugins": {"allow": [], "deny": []},
    "sources": {},
    "views": {},
    "channels": {},
    "models": [],
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "headrace.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    return tmp_path


@pytest.fixture
def logging():
    headrace.autolog(experiment="fits")
    yield
    headrace.autolog(on=False)


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    return x, (x[:, 0] > 0).astype(int)


def only():
    with workspace(None) as w:
        (run,) = tracking.search(w.store).runs
        return run, tracking.history(w.store, run.id), w.store.blobs.get(run.artifacts[0].digest) if run.artifacts else None


def test_what_a_block_logs_is_found(root):
    (root / "report.txt").write_text("good", encoding="utf-8")
    with headrace.run("churn", name="first", params={"rate": 0.1}, tags={"owner": "ana"}) as run:
        for step in range(3):
            run.log_metric("auc", 0.9 + step / 100, step=step)
        run.log_params({"depth": 3})
        run.tag(stage="draft")
        run.log_artifact(root / "report.txt")
    found, history, artifact = only()
    assert (run.id, "finished", {"rate": 0.1, "depth": 3}, {"owner": "ana", "stage": "draft"}, [0.9, 0.91, 0.92], b"good") == (
        found.id, found.status, found.params, found.tags, [point.value for point in history["auc"]], artifact,
    )  # fmt: skip
    assert (None, "environment" in found.digests, True) == (found.flow, True, found.actor.startswith("user:"))


@pytest.mark.parametrize(("error", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "killed"), (SystemExit, "killed")])
def test_how_a_block_ends_is_how_the_run_did(root, error, status):
    with pytest.raises(error), headrace.run("churn") as run:  # noqa: PT012 - the block is what is tested
        run.log_metric("auc", math.nan)
        raise error("no")
    found, history, _ = only()
    assert (status, f"{error.__name__}: no", True) == (found.status, found.error, math.isnan(history["auc"][0].value))


def test_runs_are_a_table(root):
    for rate in (0.1, 0.2):
        with headrace.run("churn", params={"rate": rate}) as run:
            run.log_metric("auc", rate)
    with headrace.run("other", parent=run, tags={"owner": "bo"}):
        pass
    table = headrace.runs("metrics.auc > 0 or tags.owner == 'bo'", order="metrics.auc desc")
    assert ([0.2, 0.1], ["churn", "churn", "other"], run.id) == (
        table["metrics.auc"].dropna().tolist(), table["experiment"].tolist(), table["parent"].iloc[2],
    )  # fmt: skip
    assert (0, 1) == (len(headrace.runs("metrics.auc > 9")), len(headrace.runs(experiment="other")))


def test_predictions_of_the_same_rows_are_compared(root):
    target = np.array([0, 1] * 30)
    made = []
    for noise in (0.1, 0.9):
        with headrace.run("churn") as run:
            run.log_predictions(target, np.clip(target * (1 - noise) + np.linspace(0, noise, 60), 0, 1))
        made.append(run.id)
    with workspace(None) as w:
        runs = [tracking.get(w.store, id_) for id_ in made]
        (paired,) = tracking.compare(w.store, runs, {"roc_auc": computing(w.plugins.metrics["roc_auc"])}).paired
    assert ("lower", 60) == (paired.says, paired.n)


def test_without_a_project_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    for act in (lambda: headrace.run("churn").__enter__(), headrace.runs):
        with pytest.raises(HeadraceError, match="not-compiled"):
            act()


def test_another_environment_than_the_compiled_is_refused(root):
    assert "dev" == read_workspace(root).environment
    with pytest.raises(HeadraceError, match="other-environment"):
        headrace.runs(environment="prod")


def test_a_run_logs_within_its_block_alone(root):
    with headrace.run("churn") as run:
        with pytest.raises(HeadraceError, match="bad-record"):
            run.log_artifact(b"x")
        with pytest.raises(HeadraceError, match="param-changed"):
            [run.log_param("a", value) for value in (1, 2)]
    for act in (lambda: run.log_metric("a", 1.0), lambda: run.tag(a=1)):
        with pytest.raises(HeadraceError, match="run-not-open"):
            act()


def test_a_name_that_headrace_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError):
        headrace.nothing  # noqa: B018


def test_fits_of_scikit_learn_are_tracked_outermost_only(root, logging, rows):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(*rows)
    found, _, _ = only()
    assert ("fits", "Pipeline", "finished", 0.5, pipeline.score(*rows)) == (
        found.experiment, found.name, found.status, found.params["logisticregression__C"], found.metrics["training_score"].value,
    )  # fmt: skip


def test_a_fit_that_fails_is_a_run_that_failed(root, logging, rows):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ValueError):
        LogisticRegression().fit(rows[0], rows[1][:3])
    assert "failed" == only()[0].status


def test_lightgbm_logs_every_iteration_and_its_text_into_the_run_around_it(root, logging, rows):
    import lightgbm

    data = lightgbm.Dataset(rows[0], rows[1], params={"verbosity": -1})
    settings = {"objective": "binary", "metric": "auc", "verbosity": -1, "num_threads": 1}
    with headrace.run("mine"):
        booster = lightgbm.train(settings, data, num_boost_round=4, valid_sets=[data], valid_names=["seen"])
    found, history, text = only()
    assert ("mine", "binary", 4, [0, 1, 2, 3], booster.model_to_string().encode()) == (
        found.experiment, found.params["objective"], found.params["num_boost_round"], [p.step for p in history["seen.auc"]], text,
    )  # fmt: skip


def test_lightgbms_estimators_are_tracked_once(root, logging, rows):
    import lightgbm

    lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1, n_jobs=1).fit(*rows, eval_set=[rows])
    found, history, _ = only()
    assert ("LGBMClassifier", 3, ["training.binary_logloss", "training_score"]) == (found.name, found.params["n_estimators"], list(history))
    assert 3 == len(history["training.binary_logloss"])


def test_switched_off_everything_is_as_it_was(root):
    import lightgbm
    from sklearn.linear_model import LogisticRegression

    before = (lightgbm.train, lightgbm.sklearn.train, vars(LogisticRegression)["fit"])
    for _ in range(2):
        headrace.autolog()
    during = (lightgbm.train, lightgbm.sklearn.train, vars(LogisticRegression)["fit"])
    headrace.autolog(on=False)
    after = (lightgbm.train, lightgbm.sklearn.train, vars(LogisticRegression)["fit"])
    assert (before, [False] * 3) == (after, [a is b for a, b in zip(before, during, strict=True)])


@pytest.mark.parametrize("action", ["default", "error"])
def test_tracking_that_fails_never_breaks_a_fit(tmp_path, monkeypatch, logging, rows, action):
    from sklearn.linear_model import LogisticRegression

    monkeypatch.chdir(tmp_path)  # no project
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter(action, RuntimeWarning)
        fitted = LogisticRegression().fit(*rows)
    assert (3, action == "default") == (fitted.coef_.size, any("not-compiled" in str(item.message) for item in said))


def test_moments_are_in_utc(root):
    with headrace.run("churn"):
        pass
    found, _, _ = only()
    assert (UTC, True) == (found.started_at.tzinfo, found.started_at <= found.ended_at <= datetime.now(UTC))
