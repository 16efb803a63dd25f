"""The three steps of a `train` flow, one after another, as a generated flow calls them."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlmodel import select

from headrace import registry
from headrace.cli.models import command
from headrace.cli.tune import show_search
from headrace.diagnostics import HeadraceError
from headrace.features import Category, Number, RandomSplit, Rows, Target
from headrace.gates import Maximum, Minimum, NoWorse, Verdict
from headrace.steps import features, gates, training
from headrace.store import tables
from headrace.training import Baseline, Candidate, StratifiedFolds, Tuned
from headrace.training.search import FloatRange, IntRange, Maximize, Sampler, Search

pytestmark = pytest.mark.usefixtures("root")
EASY = (
    Minimum(id="quality", metric="roc_auc", min=0.7),
    NoWorse(id="champion", metric="roc_auc", versus="champion", worse_by_at_most=0.01, first="pass"),
    Maximum(id="fast", metric="latency_p99", max=1.0),
)


def rows(**instead):
    usual = {
        "model": "churn",
        "source": "people",
        "entity": "id",
        "time": "seen",
        "target": Target(column="left", delay=timedelta(days=1)),
        "inputs": [Number("age", column="age", low=0.0, high=120.0), Category("sex", column="sex")],
        "split": RandomSplit(holdout=0.3, stratify="target"),
        "seed": 7,
        "as_of": None,
        "cause": None,
    }
    return features.training_rows(**(usual | instead))


def candidate(of):
    return training.train(
        of, algorithm="lightgbm.classifier", params={"n_estimators": 15}, seed=7, baseline=Baseline(algorithm="sklearn.logistic_regression")
    )


def run_of(place):
    with place.store.read() as session:
        return session.exec(select(tables.Run)).one()


def test_three_steps_make_a_candidate(place):
    verdict = gates.judge(candidate(rows()), *EASY)
    with place.store.read() as session:
        assert (True, {"candidate": 1}) == (verdict.passed, registry.aliases(session, "churn"))
    assert ("passed", {"passed": True, "failed": [], "warned": []}) == (run_of(place).status, run_of(place).details["verdict"])


def test_a_rejection_is_a_run_that_passed(place):
    gates.judge(candidate(rows()), Minimum(id="quality", metric="roc_auc", min=1.0))
    assert ("passed", ["quality"]) == (run_of(place).status, run_of(place).details["verdict"]["failed"])


def test_a_step_that_fails_ends_the_run(place):
    with pytest.raises(HeadraceError, match="no-rows"):
        rows(as_of=datetime(2019, 1, 1, tzinfo=UTC))
    assert ("failed", True) == (run_of(place).status, "no-rows" in run_of(place).details["error"])


def test_what_crosses_a_task_survives_json():
    made = rows()
    chosen = candidate(made)
    verdict = gates.judge(chosen, *EASY)
    for kind, value in ((Rows, made), (Candidate, chosen), (Verdict, verdict)):
        assert value == kind(**json.loads(json.dumps(dataclasses.asdict(value))))


def test_the_same_rows_train_the_same_model_again(place):
    for _ in range(2):
        gates.judge(candidate(rows(as_of=datetime(2020, 1, 20, tzinfo=UTC))), *EASY)
    with place.store.read() as session:
        one, two = registry.versions(session, "churn")
    assert one.model_digest == two.model_digest


def test_models_lists_versions_with_metrics_aliases_and_verdict():
    gates.judge(candidate(rows()), *EASY, Minimum(id="perfect", metric="roc_auc", min=1.0, mode="warn"))
    done = CliRunner().invoke(command, ["model/churn", "--json"])
    version = json.loads(done.stdout)["models"][0]["versions"][0]
    assert (1, ["candidate"], True, {"champion": True, "fast": True, "perfect": False, "quality": True}) == (
        version["version"], version["aliases"], version["verdict"], {gate["gate"]: gate["passed"] for gate in version["gates"]},
    )  # fmt: skip


def test_models_tells_a_person_the_same():
    gates.judge(candidate(rows()), Minimum(id="perfect", metric="roc_auc", min=1.0))
    candidate(rows())
    lines = CliRunner().invoke(command, []).stdout.splitlines()
    assert ["environment dev", ""] == [lines.pop(0), lines.pop(0)]
    assert ["model/churn", True, True, True, "1 perfect: roc_auc is"] == [
        lines[0], "  not judged  " in lines[2], "  rejected (0 of 1)  " in lines[3], "more metrics" in lines[4], lines[6].strip()[:21],
    ]  # fmt: skip


def test_models_without_a_version_says_how_to_make_one():
    assert (
        "environment dev\n\nmodel/churn: no version yet (`headrace run train churn` makes one)\n" == CliRunner().invoke(command, []).stdout
    )


def test_models_of_an_unknown_name_is_refused():
    result = CliRunner().invoke(command, ["churm"])
    assert "unknown-model" in str(result.exception)


def test_the_manifest_names_whose_reader_the_rows_came_through(root, place):
    """From the text of the project's own plugin, through the handle that crosses the tasks, into what is registered."""
    mine = root / "plugins" / "mine.py"
    mine.parent.mkdir()
    mine.write_text(
        "from headrace.hooks import Reader, hookimpl\n\n"
        "@hookimpl\n"
        "def headrace_readers():\n"
        '    theirs = "headrace.builtin.readers.parquet"\n'
        '    return [Reader("mine", (".pq", ".parquet"), f"{theirs}:read", f"{theirs}:names", override=True)]\n'
    )
    made = candidate(rows())
    with place.store.read() as session:
        manifest = registry.get(session, "churn", made.number).manifest
    assert {"plugins/mine.py": f"sha256:{hashlib.sha256(mine.read_bytes()).hexdigest()}"} == manifest["plugins"]


@pytest.fixture
def searched():
    """The rows, and the best of three searched sets of parameters."""
    of = rows()
    words = Search(
        trials=3,
        timeout=timedelta(minutes=3),
        objectives=[Maximize("roc_auc")],
        space={"num_leaves": IntRange(2, 20), "learning_rate": FloatRange(0.05, 0.3)},
        sampler=Sampler("random", 1),
    )
    return of, training.tune(
        of, algorithm="lightgbm.classifier", params={"n_estimators": 15}, seed=7, cv=StratifiedFolds(folds=2), search=words
    )


@pytest.mark.slow
def test_searched_parameters_make_a_candidate_that_shows_its_search(place, searched, tmp_path):
    of, tuned = searched
    assert tuned == Tuned(**json.loads(json.dumps(dataclasses.asdict(tuned))))
    made = training.train(
        of, algorithm="lightgbm.classifier", params={"n_estimators": 15}, seed=7, cv=StratifiedFolds(folds=2), tuned=tuned
    )
    with place.store.read() as session:
        manifest = registry.get(session, "churn", made.number).manifest
    assert (tuned.to_json(), tuned.values["roc_auc"]) == (manifest["tuned"], manifest["cv"]["metrics"]["roc_auc"]["mean"])
    assert tuned.to_json() == run_of(place).details["tuned"]
    shown = CliRunner().invoke(show_search, ["churn", "--json", "--pictures", str(tmp_path / "search")])
    told = json.loads(shown.stdout)
    assert ([0, 1, 2], tuned.best) == ([trial["number"] for trial in told["trials"]], told["best"])
    drawn = [path.name for path in sorted((tmp_path / "search").iterdir())]
    assert ["history.svg", "slice-learning_rate.svg", "slice-num_leaves.svg"] == drawn
    lines = CliRunner().invoke(show_search, ["model/churn@1"]).stdout.splitlines()
    assert f"model/churn v1: trial {tuned.best} of 3 (3 complete)" == lines[0]
    assert "as in the spec" in lines[2]
    listed = CliRunner().invoke(command, ["churn"]).stdout
    assert "2 folds (stratified): " in listed


def test_a_version_that_was_not_searched_says_so():
    candidate(rows())
    result = CliRunner().invoke(show_search, ["churn"])
    assert "not-tuned" in str(result.exception)
