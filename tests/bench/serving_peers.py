"""The peers of the serving benchmark, in environments of their own: MLServer (in process, and as it comes), mlflow, BentoML, LitServe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lightgbm
from peers import environment
from serving_load import Target
from serving_process import free_port
from serving_targets import NAMES, running

PINS = ("scikit-learn<1.8", "lightgbm==4.5.0", "pandas<3")
SAVED = """
import sys, lightgbm, mlflow
mlflow.lightgbm.save_model(lightgbm.Booster(model_file=sys.argv[1]), sys.argv[2])
"""
KEPT = """
import sys, bentoml, lightgbm
bentoml.lightgbm.save_model("m", lightgbm.Booster(model_file=sys.argv[1]))
"""
BENTO = """
import bentoml
import numpy as np


@bentoml.service
class Churn:
    kept = bentoml.models.BentoModel("m:latest")

    def __init__(self):
        self.model = bentoml.lightgbm.load_model(self.kept)

    @bentoml.api
    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.model.predict(x)
"""
LIT = """
import sys

import lightgbm, litserve
import numpy as np


class Churn(litserve.LitAPI):
    def setup(self, device):
        self.model = lightgbm.Booster(model_file=sys.argv[2])

    def decode_request(self, request):
        return np.asarray([request["x"]])

    def predict(self, x):
        return self.model.predict(x)

    def encode_response(self, output):
        return {"prediction": float(output[0])}


if __name__ == "__main__":
    server = litserve.LitServer(Churn(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
"""


def _python(folder: Path | None, name: str, *wanted: str) -> Path | None:
    """The Python of an environment that is there already, or one that is made; None where it cannot be had."""
    if folder is not None:
        found = folder / name / "bin" / "python"
        return found if found.exists() else None
    try:
        return environment(name, *wanted)
    except subprocess.CalledProcessError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None


def _bodies(place: Path, sent: Path, made: Any) -> Path:
    """The same rows, as `made` has a peer take the values of one."""
    found = [[json.loads(line)[name] for name in NAMES] for line in sent.read_text().splitlines()]
    place.write_text("".join(json.dumps(made(values)) + "\n" for values in found))
    return place


@contextmanager
def mlserver(
    folder: Path, environments: Path | None, model: lightgbm.LGBMClassifier, sent: Path, *, workers: int
) -> Iterator[Target | None]:
    """MLServer with its LightGBM runtime; 0 workers answer in the process itself."""
    python = _python(environments, "mlserver", "mlserver==1.7.1", "mlserver-lightgbm==1.7.1", "uvloop<0.22", *PINS)
    if python is None:
        yield None
        return
    place, port = folder / f"mlserver-{workers}", free_port()
    place.mkdir()
    model.booster_.save_model(place / "model.bst")
    told = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "host": "127.0.0.1", "parallel_workers": workers}
    (place / "settings.json").write_text(json.dumps(told))
    runs = {"name": "m", "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": "./model.bst"}}
    (place / "model-settings.json").write_text(json.dumps(runs))

    def body(values: list[float]) -> dict[str, Any]:
        return {"inputs": [{"name": "x", "shape": [1, len(values)], "datatype": "FP64", "data": values}]}

    bodies = _bodies(folder / "mlserver.txt", sent, body)
    name = "MLServer, in process" if workers == 0 else "MLServer, as it comes"
    command = [str(python.parent / "mlserver"), "start", str(place)]
    with running(name, command, port, "/v2/models/m/infer", bodies, own=python.parent) as target:
        yield target


@contextmanager
def mlflow(folder: Path, environments: Path | None, model: lightgbm.LGBMClassifier, sent: Path) -> Iterator[Target | None]:
    """`mlflow models serve` of the same booster."""
    python = _python(environments, "mlflow", "mlflow", *PINS)
    if python is None:
        yield None
        return
    place, text, port = folder / "mlflow", folder / "booster.txt", free_port()
    model.booster_.save_model(text)
    subprocess.run([python, "-c", SAVED, text, place], check=True, stdout=subprocess.DEVNULL)

    def body(values: list[float]) -> dict[str, Any]:
        return {"dataframe_split": {"columns": NAMES, "data": [values]}}

    bodies = _bodies(folder / "mlflow.txt", sent, body)
    command = [str(python.parent / "mlflow"), "models", "serve", "-m", str(place), "-p", str(port), "--env-manager", "local"]
    with running("mlflow models serve", command, port, "/invocations", bodies, own=python.parent) as target:
        yield target


@contextmanager
def bentoml(folder: Path, environments: Path | None, model: lightgbm.LGBMClassifier, sent: Path) -> Iterator[Target | None]:
    """`bentoml serve` of a service around the same booster, from a model store of its own."""
    python = _python(environments, "bentoml", "bentoml==1.4.39", *PINS)
    if python is None:
        yield None
        return
    place, text, port = folder / "bentoml", folder / "bento.txt", free_port()
    place.mkdir()
    (place / "service.py").write_text(BENTO)
    model.booster_.save_model(text)
    alone = ["/usr/bin/env", f"BENTOML_HOME={place / 'home'}", "BENTOML_DO_NOT_TRACK=True"]
    subprocess.run([*alone, python, "-c", KEPT, text], check=True, stdout=subprocess.DEVNULL)
    bodies = _bodies(folder / "bentoml.txt", sent, lambda values: {"x": [values]})
    command = [*alone, str(python.parent / "bentoml"), "serve", "service:Churn", "--working-dir", str(place)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--quiet"]
    with running("BentoML", command, port, "/predict", bodies, own=python.parent) as target:
        yield target


@contextmanager
def litserve(folder: Path, environments: Path | None, model: lightgbm.LGBMClassifier, sent: Path) -> Iterator[Target | None]:
    """LitServe with one worker, as it comes."""
    python = _python(environments, "litserve", "litserve==0.2.19", *PINS)
    if python is None:
        yield None
        return
    text, port = folder / "lit.txt", free_port()
    model.booster_.save_model(text)
    (folder / "lit.py").write_text(LIT)
    bodies = _bodies(folder / "litserve.txt", sent, lambda values: {"x": values})
    command = [str(python), str(folder / "lit.py"), str(port), str(text)]
    target = None
    try:
        with running("LitServe", command, port, "/predict", bodies, own=python.parent) as target:
            yield target
    finally:
        if target is not None:
            with suppress(ProcessLookupError):
                os.killpg(target.pid, signal.SIGKILL)  # its worker and its HTTP process outlive the one that started them
