"""A run of a `train` flow is tracked, once, and the command line finds, shows and compares it."""

import json
import subprocess
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from test_steps_train import EASY, candidate, rows

from headrace import tracking
from headrace.cli.runs import command
from headrace.diagnostics import HeadraceError
from headrace.gates import Minimum
from headrace.steps import gates, run, training
from headrace.store.kinds import RunStatus
from headrace.training import Baseline

pytestmark = pytest.mark.usefixtures("root")


def told(*arguments):
    done = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


def text(*arguments):
    return CliRunner().invoke(command, [*arguments], catch_exceptions=False).stdout


def trained(trees=15, **more):
    made = training.train(
        rows(),
        algorithm="lightgbm.classifier",
        params={"n_estimators": trees, **more},
        seed=7,
        baseline=Baseline("sklearn.logistic_regression"),
    )
    gates.judge(made, *EASY)
    return made


def test_a_training_appears_once_with_all_that_it_was(place):
    made = trained()
    (found,) = tracking.search(place.store).runs
    assert (made.run_id, "churn", "churn", "train", 1, "finished") == (
        found.id, found.experiment, found.model, found.flow, found.version, found.status,
    )  # fmt: skip
    assert ("lightgbm.classifier", 7, 15, 0.1, "sklearn.logistic_regression", 1.0) == tuple(
        found.params[name] for name in ("algorithm", "seed", "n_estimators", "learning_rate", "baseline", "baseline.c")
    )
    assert made.metrics == {name: last.value for name, last in found.metrics.items() if not name.startswith("baseline.")}
    assert ({"code", "data", "environment", "holdout", "model", "spec"}, {"baseline", "model", "profile", "reference"}) == (
        set(found.digests), {item.name for item in found.artifacts},
    )  # fmt: skip
    assert (412, "passed") == (found.dataset["rows"]["train"], found.tags["verdict"])
    assert "baseline.roc_auc" in found.metrics


def test_every_artifact_and_digest_of_a_run_is_among_the_blobs(place):
    trained()
    (found,) = tracking.search(place.store).runs
    digests = {item.digest for item in found.artifacts} | {found.digests[name] for name in ("data", "code", "environment", "model")}
    assert all(place.store.blobs.get(digest) for digest in digests)


def test_a_rejected_candidate_is_found_by_its_verdict(place):
    gates.judge(candidate(rows()), Minimum(id="quality", metric="roc_auc", min=1.0))
    assert 1 == tracking.search(place.store, "tags.verdict == 'rejected' and status == 'finished'").total


def test_a_training_that_fails_is_found_by_what_it_was_asked_for(place):
    with pytest.raises(HeadraceError, match="bad-params"):
        training.train(rows(), algorithm="lightgbm.classifier", params={"n_estimators": -1}, seed=7)
    (found,) = tracking.search(place.store, "status == 'failed' and params.n_estimators < 0").runs
    assert (True, None) == ("bad-params" in found.error, found.version)


def test_a_training_that_is_tried_again_after_it_failed_is_that_of_the_last_try(place):
    read = rows()
    with pytest.raises(HeadraceError, match="bad-params"):
        training.train(read, algorithm="lightgbm.classifier", params={"n_estimators": -1}, seed=7)
    gates.judge(candidate(read), *EASY)
    (found,) = tracking.search(place.store).runs
    assert ("finished", None, 15) == (found.status, found.error, found.params["n_estimators"])


def test_a_step_that_is_tried_again_logs_nothing_twice(place):
    read = rows()
    first = candidate(read)
    assert first == candidate(read)
    assert {1} == {last.n for last in tracking.get(place.store, read.run_id).metrics.values()}


def test_a_run_that_died_is_killed(place):
    read = rows()
    run.end(place, read.run_id, RunStatus.FAILED, {"error": "crashed in Prefect"}, killed=True)
    found = tracking.get(place.store, read.run_id)
    assert ("killed", "crashed in Prefect") == (found.status, found.error)


def test_flows_that_train_nothing_are_not_tracked(place):
    for flow in ("roll_out", "monitor"):
        run.end(place, run.start(place, model="churn", flow=flow), RunStatus.PASSED)
    assert 0 == tracking.search(place.store).total


def test_the_commit_and_what_differs_from_it_are_kept(place, root):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=root, check=True, capture_output=True)

    git("init")
    git("add", "flows")
    git("commit", "-m", "a")
    (root / ".gitignore").write_text("*.pq\n.headrace\n")
    git("add", ".gitignore")
    git("commit", "-m", "b")
    trained()
    (root / "flows" / "new.py").write_text("a = 1\n")
    trained()
    (root / "flows" / "new.py").write_text("a = 2\n")
    trained()
    dirty = [found.digests.get("dirty") for found in tracking.search(place.store, order=tracking.order("started")).runs]
    commits = {found.digests["commit"] for found in tracking.search(place.store).runs}
    assert (None, 3, 1) == (dirty[0], len(set(dirty)), len(commits))


def test_a_list_tells_a_person_and_a_machine_the_same():
    assert "environment dev\n\nno run\n" == text("list")
    made = trained()
    (only,) = told("list")["runs"]
    assert (made.run_id, "finished", 1, 412) == (only["id"], only["status"], only["version"], only["dataset"]["rows"]["train"])
    lines = text("list", "churn").splitlines()
    assert ([made.run_id, "churn", "v1", "finished"], "page 1 of 1, 1 runs") == (lines[3].split()[:4], lines[-1])
    assert 0 == told("list", "nobody")["total"]


def test_a_search_is_sorted_and_paged():
    trees = [trained(n).run_id for n in (3, 30, 10)]
    pages = [told("search", "params.n_estimators > 3", "--order", "params.n_estimators desc", "--limit", "1", "--page", n) for n in "123"]
    assert ([[trees[1]], [trees[2]], []], [2, 2, 2]) == ([[r["id"] for r in page["runs"]] for page in pages], [p["total"] for p in pages])
    assert "no run on page 3 of 2" in text("search", "params.n_estimators > 3", "--limit", "1", "--page", "3")


def test_show_has_the_whole_history(place):
    made = trained()
    with tracking.Recorder(place.store, made.run_id, "u") as recorder:
        for step in range(30):
            recorder.step(step, {"progress.loss": float("nan") if step == 29 else 1 / (1 + step)})
    shown = told("show", made.run_id[:20])
    assert ([*range(30)], "NaN", {"value": "NaN", "step": 29, "n": 30}) == (
        [point["step"] for point in shown["history"]["progress.loss"]],
        shown["history"]["progress.loss"][-1]["value"],
        shown["metrics"]["progress.loss"],
    )
    said = text("show", made.run_id)
    assert ("29: NaN" in said, "  n_estimators: 15" in said, f"run {made.run_id}" in said) == (True, True, True)


def test_compare_has_every_key_and_tests_what_answered_the_same_rows():
    few, many = trained(1), trained(40, num_leaves=4)
    both = told("compare", few.run_id, many.run_id)
    keys = {f"{key['kind']}.{key['name']}": key for key in both["keys"]}
    assert ((False, [1, 40]), (True, [7, 7])) == (
        (keys["params.n_estimators"]["same"], keys["params.n_estimators"]["values"]),
        (keys["params.seed"]["same"], keys["params.seed"]["values"]),
    )
    tested = {item["metric"]: item for item in both["paired"]}
    calibration = {"brier_reliability", "brier_resolution", "calibration_intercept_error", "calibration_slope_error"}
    rest = {"accuracy", "average_precision", "brier", "expected_calibration_error", "f1", "log_loss", "precision", "recall", "roc_auc"}
    assert (rest | calibration, []) == (
        set(tested),
        both["untested"],
    )
    assert abs(tested["roc_auc"]["difference"] - (many.metrics["roc_auc"] - few.metrics["roc_auc"])) < 1e-12
    assert tested["roc_auc"]["low"] <= tested["roc_auc"]["difference"] <= tested["roc_auc"]["high"]
    assert ("McNemar, exact", "DeLong", "bootstrap, BCa") == tuple(tested[name]["test"] for name in ("accuracy", "roc_auc", "log_loss"))
    assert all(item["p"] <= item["p_adjusted"] <= 1 for item in tested.values())
    assert "* " in text("compare", few.run_id, many.run_id, "--metric", "roc_auc")


def test_runs_are_tested_on_the_held_out_rows_that_both_answered():
    many = trained()
    few = candidate(rows(as_of=datetime(2020, 1, 20, tzinfo=UTC)))
    both = told("compare", many.run_id, few.run_id, "--metric", "accuracy")
    ((shared,), (tested,)) = both["shared"], both["paired"]
    assert (shared["n"], 0, shared["n"]) == (tested["n"], shared["only_second"], shared["entities"])
    assert (True, True) == (shared["n"] >= tracking.FEWEST, shared["only_first"] > 0)
    assert f"{shared['n']:,} rows are shared; {shared['only_first']:,} only the first has" in text("compare", many.run_id, few.run_id)


def test_runs_that_share_too_few_rows_or_none_are_not_tested(place):
    first = trained()
    second = candidate(rows(as_of=datetime(2020, 1, 5, tzinfo=UTC))).run_id
    notes = tracking.new_id()
    with place.store.transaction("u", "begin", notes) as session:
        tracking.begin(session, id=notes, experiment="notes", actor="u", at=place.store.clock.now())
    both = told("compare", first.run_id, second, notes)
    few, none = (item["why"] for item in both["untested"])
    assert ([], [], "no held-out predictions were kept of one of them") == (both["paired"], both["shared"], none)
    assert (True, True) == (few.startswith("they share "), f" and {tracking.FEWEST} are needed" in few)
    missing = {f"{key['kind']}.{key['name']}": key["missing"] for key in both["keys"]}
    assert {"params.seed": [notes], "metrics.roc_auc": [notes]} == {name: missing[name] for name in ("params.seed", "metrics.roc_auc")}


def test_an_unknown_metric_and_an_unknown_run_are_refused():
    made = trained()
    for arguments, id_ in ((["compare", made.run_id, "--metric", "auc"], "unknown-metric"), (["show", "zzz"], "no-run")):
        assert id_ in str(CliRunner().invoke(command, arguments).exception)
