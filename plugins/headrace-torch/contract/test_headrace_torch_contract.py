"""With PyTorch itself: the kit, two workers against one, what is killed, early stopping, and a model of real rows that answers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from scipy.stats import rankdata

from headrace.hooks import EnoughError, Watch
from headrace.testing import check_algorithm
from headrace.testing.rows import mixed
from headrace_torch import ALGORITHMS
from headrace_torch.fitting import fit_classifier, load, save
from headrace_torch.learning import Job, Rows
from headrace_torch.network import Shape
from headrace_torch.workers import WorkerError, learn_by_workers, refuse_without_gpu

CDNOW = Path(__file__).parents[3] / "examples" / "cdnow"
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def fitted(world, params, watch=None, seed=7):
    return fit_classifier(world.matrix, world.target, signature=world.signature, params=params, seed=seed, watch=watch)


def area(world, model):
    ranks, ones = rankdata(model.predict(world.matrix)), world.target == 1
    return (ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum())


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_an_algorithm_keeps_its_contract(algorithm):
    assert [] == check_algorithm(algorithm, {"epochs": 6, "hidden": (16,), "batch_size": 32, "learning_rate": 0.01})


def test_two_workers_learn_what_one_learns_where_each_step_sees_all_rows(world, quick):
    one, two = (fitted(world, quick(batch_size=300, workers=workers)) for workers in (1, 2))
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(value, two.network.state_dict()[name], rtol=0, atol=1e-5)


def test_two_workers_give_the_same_bytes_watched_or_not_and_are_as_good_as_one(world, quick):
    told, within, kept = [], [], []
    params = quick(epochs=15, dropout=0.1, workers=2, log_interval=4)
    watch = Watch(
        (world.matrix, world.target),
        lambda number, values: told.append((number, sorted(values))),
        lambda number, _: kept.append(number),
        within=lambda number, values: within.append((number, sorted(values))),
    )
    models = [fitted(world, params, watch), fitted(world, params)]
    assert save(models[0]) == save(models[1])
    assert [(number, ["loss", "validation_loss"]) for number in range(1, 16)] == told
    assert list(range(1, 16)) == kept
    assert [(number, ["batch_loss"]) for number in range(4, 151, 4)] == within
    assert abs(area(world, models[0]) - area(world, fitted(world, quick(epochs=15, dropout=0.1)))) < 0.02


def test_a_worker_that_is_killed_ends_the_training_with_its_name_and_leaves_nobody(world, quick, workers_of):
    seen = {}

    def step(number, _):
        if number == 2:
            seen.update(workers_of(os.getpid()))
            os.kill(seen[1], signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"worker 1 \(from 0\) of 2 failed: it was ended by SIGKILL"):
        fitted(world, quick(epochs=10_000, workers=2), Watch(step=step))
    assert {0, 1} == set(seen)
    assert [] == [pid for pid in seen.values() if psutil.pid_exists(pid)]


def test_the_fault_of_a_worker_is_told(world, quick):
    with pytest.raises(WorkerError, match=r"of 2 failed: ValueError: the file is no network of headrace-torch"):
        fitted(world, quick(workers=2), Watch(resume=b"rubbish"))


def test_a_worker_that_hangs_is_not_waited_for_longer_than_asked(world, quick, workers_of):
    def step(number, _):
        if number == 1:
            os.kill(workers_of(os.getpid())[1], signal.SIGSTOP)

    with pytest.raises(WorkerError, match="of 2 failed"):
        fitted(world, quick(epochs=10_000, workers=2, worker_timeout="20s"), Watch(step=step))
    assert {} == workers_of(os.getpid())


def test_whoever_watches_may_end_it_by_any_error(world, quick, workers_of):
    def step(number, _):
        raise KeyError(number)

    with pytest.raises(KeyError):
        fitted(world, quick(workers=2), Watch(step=step))
    assert {} == workers_of(os.getpid())


@pytest.mark.parametrize("workers", [1, 2])
def test_stopped_early_the_best_epoch_is_taken_and_any_other_is_trained_again(world, quick, workers):
    validation = mixed(80)
    losses = []

    def after(last, wanted):
        def step(number, values):
            losses.append(values["validation_loss"])
            if number == last:
                raise EnoughError(wanted(losses))

        return Watch((validation.matrix, 1 - validation.target), step)  # the more it learns, the worse it is here

    best = fitted(world, quick(workers=workers), after(3, lambda told: int(np.argmin(told[-3:])) + 1))
    assert save(fitted(world, quick(workers=workers, epochs=int(np.argmin(losses[:3])) + 1))) == save(best)
    other = fitted(world, quick(workers=workers), after(3, lambda _: 2))
    assert save(fitted(world, quick(workers=workers, epochs=2))) == save(other)


KILLED = """
import os, signal, sys
from pathlib import Path
from headrace.hooks import Watch
from headrace.testing.rows import mixed
from headrace_torch import Params
from headrace_torch.fitting import fit_classifier, save

folder, workers, end = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
world, first = mixed(), []

def step(number, values):
    first.append(number)
    if number == end:
        os.kill(os.getpid(), signal.SIGKILL)

kept = folder / "kept"
validation = mixed(100)
watch = Watch(
    (validation.matrix, validation.target), step, lambda _, data: kept.write_bytes(data), kept.read_bytes() if kept.exists() else None
)
params = Params(epochs=6, hidden=(16,), batch_size=32, dropout=0.2, workers=workers)
model = fit_classifier(world.matrix, world.target, signature=world.signature, params=params, seed=7, watch=watch)
(folder / "model").write_bytes(save(model))
print(first[0])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_after_kill_9_it_goes_on_to_the_same_model_and_no_worker_is_left(workers, tmp_path, workers_of, monkeypatch):
    def run(folder, end=0):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", KILLED, str(folder), str(workers), str(end)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=250)

    # A short place of its own for temporary files: a socket's path has a hundred letters.
    places = Path(tempfile.mkdtemp(prefix="hr-"))
    monkeypatch.setenv("TMPDIR", str(places))
    killed = run(tmp_path / "one", end=4)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    for _ in range(100):
        if not (left := [*workers_of(under=places).values(), *places.glob("headrace-torch-*")]):
            break
        time.sleep(0.1)
    assert [] == left
    assert "4" == run(tmp_path / "one").stdout.strip()
    assert "1" == run(tmp_path / "two").stdout.strip()
    assert (tmp_path / "two" / "model").read_bytes() == (tmp_path / "one" / "model").read_bytes()
    shutil.rmtree(places)


def test_what_training_never_lacked_counts_as_usual_when_it_is_missing(world, quick):
    whole = replace(world, matrix=np.where(np.isnan(world.matrix), [40.0, 0.0, 1.0], world.matrix))
    model = fitted(whole, quick())
    usual = np.array([[whole.matrix[:, 0].mean(), whole.matrix[:, 1].mean(), 1.0]])
    missing = np.array([[np.nan, np.nan, 1.0]])
    np.testing.assert_allclose(model.predict(usual), model.predict(missing), rtol=0, atol=1e-6)


def test_a_network_answers_no_rows_of_other_inputs(world, quick):
    data = save(fitted(world, quick(epochs=1)))
    with pytest.raises(ValueError, match="other inputs"):
        load(data, signature=replace(world.signature, inputs=world.signature.inputs[:2]))


@pytest.mark.skipif("cuda" in DEVICES, reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused(quick):
    with pytest.raises(RuntimeError, match=r"`device: cuda` needs a GPU; PyTorch 2\.13\.0\S* finds none here"):
        refuse_without_gpu(quick(device="cuda"))


@pytest.mark.skipif("cuda" not in DEVICES, reason="there is no GPU")
def test_a_gpu_learns_as_well_as_the_processor(world, quick):
    one, other = (fitted(world, quick(epochs=15, device=device)) for device in DEVICES)
    assert abs(area(world, one) - area(world, other)) < 0.02


def test_a_failed_start_says_why(world, quick, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    params = quick(workers=2)
    job = Job(Shape.of("binary", world.signature, params.hidden, 1), params, 7, Rows(world.matrix, world.target))
    with pytest.raises(WorkerError, match="torchrun ended with 1"):
        learn_by_workers(job, Watch())


LIFE = """
import importlib.util, json
spec = importlib.util.spec_from_file_location("lapse", "flows/lapse.py")
flows = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flows)
candidate = flows.training.fn(flows.features.fn(None, None))
verdict = flows.gates.fn(candidate)
flows.rollout.fn(None)
from pathlib import Path
from fastapi.testclient import TestClient
from headrace.compiled import ServingConfig, read
from headrace.serving import app
from headrace.serving.workspace import open_workspace
config = read(ServingConfig, Path("flows/lapse.serving.json"))
row = {"customer_id": "00001", "spend_90d": 0, "spend_365d": 11.77, "discs": 1, "recency": 181}
row |= {"buys_90d": 0, "buys_365d": 1, "buys_730d": 1}
with open_workspace(Path("flows/headrace.json"), config) as workspace, TestClient(app(config, workspace)) as client:
    answer = client.post("/predict", json=row)
print(json.dumps({"auc": candidate.metrics["roc_auc"], "passed": verdict.passed, "status": answer.status_code, "answer": answer.json()}))
"""
TRAINING = """  algorithm: torch.classifier
  params: {hidden: [32, 16], epochs: 8, workers: 2}
  early_stopping: {rounds: 3, share: 15%}
"""


def test_customers_of_discs(tmp_path):
    root = tmp_path / "cdnow"
    shutil.copytree(CDNOW, root, ignore=shutil.ignore_patterns("data", "flows", ".headrace"))
    (path,) = (path for path in (root / "specs").glob("*.yaml") if "kind: model" in path.read_text())
    lines = path.read_text().splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(lines) if "algorithm:" in line)
    path.write_text("".join([*lines[:at], TRAINING, *lines[at + 2 :]]))

    def run(*command):
        done = subprocess.run([sys.executable, *command], cwd=root, check=False, capture_output=True, text=True, timeout=280)
        assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run("prepare.py")
    run("-m", "headrace", "validate")
    run("-m", "headrace", "compile")
    found = json.loads(run("-c", LIFE).splitlines()[-1])
    assert (True, 200) == (found["passed"], found["status"])
    assert 0.82 < found["auc"] < 0.85
    assert 0 < found["answer"]["prediction"] < 1
    runs = json.loads(run("-m", "headrace", "runs", "list", "--json"))
    assert runs
