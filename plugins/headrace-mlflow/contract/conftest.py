"""A real MLflow server on this machine, and a project whose model was trained twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace import registry
from headrace.steps.workspace import open_workspace

CDNOW = Path(__file__).parents[3] / "examples" / "cdnow"
TRAIN = """
import importlib.util, sys
sys.path.insert(0, ".")
spec = importlib.util.spec_from_file_location("lapse", "flows/lapse.py")
flows = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flows)
flows.gates.fn(flows.training.fn(flows.features.fn(None, None)))
"""
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True)
class Server:
    """Where MLflow answers, and the folder of its artifacts."""

    uri: str
    artifacts: Path


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root, port = tmp_path_factory.mktemp("mlflow"), free_port()
    uri = f"http://127.0.0.1:{port}"
    command = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", f"sqlite:///{root}/mlflow.db", "--artifacts-destination", str(root / "artifacts")]
    with (root / "log").open("w") as log:
        environment = {**os.environ, **QUIET}
        started = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, *places],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{uri}/health", timeout=2):  # noqa: S310 - this machine
                    break
            except (urllib.error.URLError, OSError):
                assert started.poll() is None, (root / "log").read_text()
                time.sleep(0.5)
        yield Server(uri, root / "artifacts")
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)


@pytest.fixture(scope="session")
def mlflow(server: Server) -> Any:
    """MLflow's own client of that server."""
    os.environ.update(QUIET)
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(server.uri)
    return MlflowClient(server.uri)


def headrace(root: Path, *arguments: str, code: int = 0) -> Any:
    """A command as it is typed, with its result as JSON."""
    done = subprocess.run([sys.executable, "-m", "headrace", *arguments, "--json"], cwd=root, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stdout + done.stderr
    return json.loads(done.stdout)


def compiled(root: Path, uri: str, prefix: str) -> Path:
    """The example, in a folder of its own, compiled with a tracking server."""
    shutil.copytree(CDNOW, root, ignore=shutil.ignore_patterns("flows", ".headrace"))
    specs = root / "specs" / "headrace.yaml"
    said = f'tracking: {{tracker: mlflow, params: {{uri: "{uri}", prefix: "{prefix}"}}}}\n'
    specs.write_text(specs.read_text().replace("name: dev\n", f"name: dev\n{said}"))
    headrace(root, "compile")
    return root


@pytest.fixture(scope="session")
def project(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained twice: version 1 is the champion, version 2 the candidate."""
    root = compiled(tmp_path_factory.mktemp("here") / "cdnow", server.uri, "")
    subprocess.run([sys.executable, "prepare.py"], cwd=root, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", TRAIN], cwd=root, check=True)
    (model,) = (path for path in (root / "specs").glob("*.yaml") if "learning_rate: 0.05" in path.read_text())
    model.write_text(model.read_text().replace("learning_rate: 0.05", "learning_rate: 0.1"))
    headrace(root, "compile")
    subprocess.run([sys.executable, "-c", TRAIN], cwd=root, check=True)
    with open_workspace(root / "flows" / "headrace.json") as w, w.store.transaction("user:test", "promote", "lapse") as session:
        registry.promote(session, model="lapse", number=1, at=w.store.clock.now(), reason="test")
        registry.move(session, model="lapse", alias="candidate", number=2, at=w.store.clock.now(), reason="test")
    return root
