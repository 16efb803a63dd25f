"""Against a real MLflow server: what MLflow's own client sees of a project, and what of it comes back."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transcribed import TRANSCRIPT, Recorder, normal, played

from conftest import Server, compiled, headrace
from headrace import registry, tracking
from headrace.hooks import RunRecord
from headrace.mirroring import outgoing
from headrace.steps.workspace import open_workspace
from headrace.store.kinds import TrackedStatus
from headrace.testing import check_tracker
from headrace_mlflow import TRACKER, said


def opened(root: Path):
    return open_workspace(root / "flows" / "headrace.json")


def records(root: Path) -> dict[str, RunRecord]:
    with opened(root) as w:
        return {run.id: run for run in outgoing(w.store).runs}


def theirs(mlflow: Any, experiment: str) -> dict[str, Any]:
    found = mlflow.get_experiment_by_name(experiment)
    return {run.data.tags["headrace.run_id"]: run for run in mlflow.search_runs([found.experiment_id], max_results=1000)}


def track(root: Path, experiment: str, runs: list[dict[str, Any]]) -> list[str]:
    """Runs of one experiment, a second apart."""
    ids = []
    with opened(root) as w:
        for number, run in enumerate(runs):
            at, run_id = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number), tracking.new_id()
            with w.store.transaction("user:test", "test", "test") as session:
                tracking.begin(session, id=run_id, experiment=experiment, actor="user:test", at=at)
                tracking.log_params(session, run_id, run.get("params", {}))
                tracking.log_points(session, run_id, [(name, step, value, at) for name, step, value in run.get("points", ())])
                tracking.end(session, run_id, TrackedStatus.FINISHED, at=at + timedelta(seconds=1))
            ids.append(run_id)
    return ids


@pytest.fixture(scope="module")
def pushed(project: Path) -> dict[str, Any]:
    return headrace(project, "runs", "push")


def test_the_transcript_is_what_the_server_says(server: Server):
    """First of all, so that the server's own numbers are those of an empty one."""
    with Recorder(server.uri) as recorder:
        broken, taken = played(recorder.uri)
    assert ([], 2) == (broken, len(taken))
    text = normal(recorder.exchanges)
    if os.environ.get("HEADRACE_UPDATE"):
        TRANSCRIPT.write_text(text, encoding="utf-8")
    assert TRANSCRIPT.read_text(encoding="utf-8") == text


def test_the_tracker_keeps_its_contract_when_nobody_is_there():
    away = {"uri": "http://127.0.0.1:1", "token": "a-very-secret-token"}
    assert [] == check_tracker(TRACKER, unreachable=away, secret=["token"])


def test_a_push_makes_all_of_it_and_a_second_one_nothing(project: Path, pushed):
    made = [item["what"].split()[0] for item in pushed["changed"]]
    assert (["run", "run", "model/lapse", "model/lapse", "aliases"], 0, []) == (made, pushed["unchanged"], pushed["skipped"])
    again = headrace(project, "runs", "push")
    assert ([], 5, []) == (again["changed"], again["unchanged"], again["skipped"])


def test_mlflows_client_sees_params_metrics_tags_and_artifacts(project: Path, pushed, mlflow, tmp_path):
    mine, found = records(project), theirs(mlflow, "lapse")
    assert sorted(mine) == sorted(found)
    for run_id, run in mine.items():
        there = found[run_id]
        assert {name: said.value(value, 6000) for name, value in run.params.items()} == there.data.params
        assert run.digests["data"] == there.data.tags["headrace.digest.data"]
        assert "FINISHED" == there.info.status
        assert said.milliseconds(run.started_at) == there.info.start_time
        for name, points in run.metrics.items():
            history = mlflow.get_metric_history(there.info.run_id, name)
            assert [(p.step, p.value) for p in points] == [(p.step, p.value) for p in sorted(history, key=lambda p: p.step)]
        for item in run.artifacts:
            path = mlflow.download_artifacts(there.info.run_id, item.name, str(tmp_path))
            assert item.digest == tracking_digest(Path(path))


def tracking_digest(path: Path) -> str:
    from headrace.store import digest

    return digest(path.read_bytes())


def test_mlflows_client_sees_versions_and_aliases(project: Path, pushed, mlflow):
    model = mlflow.get_registered_model("lapse")
    assert {"champion": "1", "candidate": "2"} == {name: str(number) for name, number in model.aliases.items()}
    with opened(project) as w, w.store.read() as session:
        mine = {str(item.number): item.manifest_digest for item in registry.versions(session, "lapse")}
    assert mine == {item.version: item.tags["headrace.manifest_digest"] for item in mlflow.search_model_versions("name='lapse'")}


def test_mlflow_loads_the_champion_and_answers_as_we_do(project: Path, pushed, mlflow):
    import pandas as pd
    from mlflow import pyfunc

    with opened(project) as w:
        with w.store.read() as session:
            version = registry.find(session, "lapse", "champion")
        loaded = registry.load(w.store, w.plugins, version)
    names = [item.name for item in loaded.signature.inputs]
    matrix = np.random.default_rng(7).gamma(2.0, 20.0, size=(500, len(names)))
    matrix[::7, 0] = np.nan
    answers = pyfunc.load_model("models:/lapse@champion").predict(pd.DataFrame(matrix, columns=names))
    assert np.array_equal(loaded.predictor.predict(matrix), answers)


def test_a_pull_into_an_empty_project_gives_all_of_it_back(project: Path, pushed, server: Server, tmp_path):
    other = compiled(tmp_path / "cdnow", server.uri, "")
    pulled = headrace(other, "runs", "pull")
    mine, found = records(project), records(other)
    assert {run.to_json() for run in mine.values()} == {found[run_id].to_json() for run_id in mine}
    with opened(project) as one, opened(other) as two:
        with one.store.read() as here, two.store.read() as there:
            assert registry.versions(here, "lapse") == registry.versions(there, "lapse")
            assert registry.aliases(here, "lapse") == registry.aliases(there, "lapse")
            version = registry.find(there, "lapse", "champion")
        for run in mine.values():
            assert all(one.store.blobs.get(item.digest) == two.store.blobs.get(item.digest) for item in run.artifacts)
        assert registry.load(two.store, two.plugins, version).signature.inputs
    assert [] == [item for item in pulled["skipped"] if "lapse" in item["what"]]
    again = headrace(other, "runs", "pull")
    assert [] == again["changed"]
    # What came from there is not sent back.
    assert [] == headrace(other, "runs", "push")["changed"]
    assert 2 == len(headrace(other, "models", "lapse")["models"][0]["versions"])


def test_moved_aliases_are_moved_there_and_taken_only_when_asked(project: Path, pushed, server: Server, mlflow, tmp_path):
    other = compiled(tmp_path / "cdnow", server.uri, "")
    headrace(other, "runs", "pull")
    mlflow.set_registered_model_alias("lapse", "theirs", "1")
    with opened(project) as w, w.store.transaction("user:test", "promote", "lapse") as session:
        registry.promote(session, model="lapse", number=2, at=w.store.clock.now(), reason="test")
    assert ["aliases of model/lapse"] == [item["what"] for item in headrace(project, "runs", "push")["changed"]]
    # `candidate` was set from here and is gone; `theirs` is theirs.
    assert {"champion": "2", "previous": "1", "theirs": "1"} == {n: str(v) for n, v in mlflow.get_registered_model("lapse").aliases.items()}
    kept = headrace(other, "runs", "pull")
    assert ["model/lapse@champion"] == [item["what"] for item in kept["skipped"] if "lapse" in item["what"]]
    with opened(other) as w, w.store.read() as session:
        assert 1 == registry.aliases(session, "lapse")["champion"]
    headrace(other, "runs", "pull", "--aliases")
    with opened(other) as w, w.store.read() as session:
        assert 2 == registry.aliases(session, "lapse")["champion"]


def test_the_order_of_a_search_is_mlflows(server: Server, mlflow, tmp_path):
    root = compiled(tmp_path / "cdnow", server.uri, "order-")
    values = [0.5, math.nan, 0.9, None, -1.0, 0.5, math.inf, None, -math.inf, 0.0, math.nan, 1e-300]
    ids = track(root, "sorted", [{"points": [("x", 0, value)] if value is not None else []} for value in values])
    headrace(root, "runs", "push")
    experiment = mlflow.get_experiment_by_name("order-sorted").experiment_id
    for direction in ("asc", "desc"):
        # MLflow breaks ties by the newest start unless told otherwise.
        asked = mlflow.search_runs([experiment], order_by=[f"metrics.x {direction.upper()}", "attributes.start_time ASC"])
        there = [run.data.tags["headrace.run_id"] for run in asked]
        with opened(root) as w:
            here = [run.id for run in tracking.search(w.store, experiment="sorted", order=tracking.order(f"metrics.x {direction}")).runs]
        numbers = sum(value is not None and not math.isnan(value) for value in values)
        assert there[:numbers] == here[:numbers]
        # Both put NaN and what is missing last, whatever the direction; MLflow parts them, and here the start orders them.
        nan, missing = (
            [i for i, v in zip(ids, values, strict=True) if test(v)]
            for test in (lambda v: v is not None and math.isnan(v), lambda v: v is None)
        )
        assert [*nan, *missing] == there[numbers:]
        assert sorted([*nan, *missing], key=ids.index) == here[numbers:]


def test_a_push_that_is_killed_goes_on(server: Server, mlflow, tmp_path):
    root = compiled(tmp_path / "cdnow", server.uri, "killed-")
    many = [(f"m{name}", step, step / 7) for name in range(3) for step in range(400)]
    ids = track(root, "many", [{"params": {"n": number}, "points": many} for number in range(12)])
    command = [sys.executable, "-m", "headrace", "runs", "push"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    while (found := mlflow.get_experiment_by_name("killed-many")) is None or len(mlflow.search_runs([found.experiment_id])) < 4:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    begun = len(mlflow.search_runs([found.experiment_id]))
    assert begun < len(ids)
    result = headrace(root, "runs", "push")
    assert result["unchanged"] >= begun - 1
    there = theirs(mlflow, "killed-many")
    assert (sorted(ids), len(ids)) == (sorted(there), len(mlflow.search_runs([found.experiment_id])))
    for run in there.values():
        assert [400] * 3 == [len(mlflow.get_metric_history(run.info.run_id, f"m{name}")) for name in range(3)]


def test_bytes_that_were_altered_there_are_refused(project: Path, pushed, server: Server, mlflow, tmp_path):
    other = compiled(tmp_path / "cdnow", server.uri, "")
    run = next(iter(theirs(mlflow, "lapse").values()))
    (path,) = server.artifacts.glob(f"*/{run.info.run_id}/artifacts/profile")
    kept = path.read_bytes()
    try:
        path.write_bytes(kept + b" ")
        told = headrace(other, "runs", "pull", code=4)
    finally:
        path.write_bytes(kept)
    assert "artifact-altered" in str(told)
    assert "the artifact `profile` of run" in str(told)


def test_a_number_that_is_taken_there_is_told(project: Path, server: Server, mlflow, tmp_path):
    root = tmp_path / "cdnow"
    shutil.copytree(project, root)
    for path in (root / "specs").glob("*.yaml"):
        path.write_text(path.read_text().replace('prefix: ""', 'prefix: "taken-"'))
    headrace(root, "compile")
    mlflow.create_registered_model("taken-lapse")
    mlflow.create_model_version("taken-lapse", "s3://bucket/elsewhere")
    told = headrace(root, "runs", "push", code=1)
    assert "MLflow's `taken-lapse` has another version 1, which is not model/lapse v1" in str(told)


class ModelDevelopmentManager:
    """What many write by hand over MLflow's client, here to say where each of its calls went."""

    def __init__(self, mlflow_client: Any) -> None:
        self.mlflow_client = mlflow_client

    def create_experiment(self, name: str, description: str) -> str:
        return self.mlflow_client.create_experiment(name=name, tags={"description": description})

    def start_run(self, experiment_id: str, run_name: str) -> str:
        return self.mlflow_client.create_run(experiment_id=experiment_id, run_name=run_name).info.run_id

    def log_hyperparameters(self, run_id: str, hyperparams: dict[str, Any]) -> None:
        for key, value in hyperparams.items():
            self.mlflow_client.log_param(run_id, key, value)

    def log_metrics(self, run_id: str, metrics: dict[str, float]) -> None:
        for key, value in metrics.items():
            self.mlflow_client.log_metric(run_id, key, value)

    def log_artifacts(self, run_id: str, artifact_path: str) -> None:
        self.mlflow_client.log_artifacts(run_id, artifact_path)

    def register_model(self, run_id: str, model_name: str, model_path: str) -> str:
        self.mlflow_client.create_registered_model(model_name)
        source = f"runs:/{run_id}/{model_path}"
        return self.mlflow_client.create_model_version(name=model_name, source=source, run_id=run_id).version


def test_what_was_logged_by_hand_is_taken(server: Server, mlflow, tmp_path):
    manager = ModelDevelopmentManager(mlflow)
    run_id = manager.start_run(manager.create_experiment("byhand-churn", "by hand"), "first")
    manager.log_hyperparameters(run_id, {"learning_rate": 0.1, "depth": 3, "kind": "gbdt", "early": True, "none": None})
    manager.log_metrics(run_id, {"auc": 0.9, "nan": math.nan, "inf": math.inf})
    mlflow.log_metric(run_id, "auc", 0.95, step=1)
    (tmp_path / "made" / "model").mkdir(parents=True)
    (tmp_path / "made" / "model" / "model.txt").write_text("Grüße")
    manager.log_artifacts(run_id, str(tmp_path / "made"))
    manager.register_model(run_id, "byhand-model", "model")
    unended = manager.start_run(mlflow.get_experiment_by_name("byhand-churn").experiment_id, "unended")
    mlflow.set_terminated(run_id)
    root = compiled(tmp_path / "cdnow", server.uri, "byhand-")
    result = headrace(root, "runs", "pull")
    assert [f"run {run_id}"] == [item["what"] for item in result["changed"]]
    assert {f"run {unended}", "model/model v1"} == {item["what"] for item in result["skipped"]}
    run = records(root)[run_id]
    assert ("churn", "first", "finished") == (run.experiment, run.name, run.status)
    assert {"learning_rate": 0.1, "depth": 3, "kind": "gbdt", "early": True, "none": None} == run.params
    assert [(0, 0.9), (1, 0.95)] == [(point.step, point.value) for point in run.metrics["auc"]]
    assert (True, math.inf) == (math.isnan(run.metrics["nan"][0].value), run.metrics["inf"][0].value)
    assert [("model/model.txt", "Grüße".encode())] == [(item.name, item.read()) for item in reads(root, run_id)]
    found = headrace(root, "runs", "search", "params.learning_rate <= 0.1 and metrics.auc > 0.9")
    assert [run_id] == [item["id"] for item in found["runs"]]
    # It is theirs: a push leaves it alone.
    assert [] == headrace(root, "runs", "push")["changed"]


def reads(root: Path, run_id: str):
    with opened(root) as w:
        (run,) = (run for run in outgoing(w.store).runs if run.id == run_id)
        return run.artifacts
