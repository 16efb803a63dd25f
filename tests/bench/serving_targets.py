"""What the serving benchmark compares: one LightGBM model behind Headrace, a naive FastAPI endpoint, a bare uvicorn, and peers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
from serving_load import Target
from serving_process import Project, free_port, project

from headrace.hooks import Input, Signature
from headrace.identity import keys

WIDTH = 30
"""Inputs, all numbers."""
ROWS = 4000
NAMES = [f"f{i}" for i in range(WIDTH)]
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

FLOOR = """
import sys, uvicorn

BODY = b'{"id":"00000000000000000000000000000000","prediction":0.5}'
HEADERS = [(b"content-length", b"%d" % len(BODY)), (b"content-type", b"application/json")]
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send({"type": "http.response.body", "body": BODY})


uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning", lifespan="off")
"""

NAIVE = """
import sys

import joblib, pandas as pd, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model

model = joblib.load(sys.argv[2])
Row = create_model("Row", person_id=(int, ...), **{name: (float, ...) for name in model.feature_name_})


class Rows(BaseModel):
    rows: list[Row]


class Answer(BaseModel):
    prediction: float


class Answers(BaseModel):
    predictions: list[float]


app = FastAPI()


@app.post("/predict")
def predict(row: Row) -> Answer:
    frame = pd.DataFrame([row.model_dump()])[model.feature_name_]
    return Answer(prediction=float(model.predict_proba(frame)[0, 1]))


@app.post("/predict/batch")
def batch(body: Rows) -> Answers:
    frame = pd.DataFrame([row.model_dump() for row in body.rows])[model.feature_name_]
    return Answers(predictions=model.predict_proba(frame)[:, 1].tolist())


uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
"""

UNLOGGED = """
import sys
from pathlib import Path

import uvicorn

from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.serving import app
from headrace.serving.direct import protocol
from headrace.serving.workspace import open_workspace


class Nowhere:
    plain = True

    def append(self, record):
        pass

    def framed(self, *fields):
        return b""

    def append_together(self, frames):
        return []

    def close(self):
        pass


path = Path(sys.argv[2])
config = read(ServingConfig, path)
with open_workspace(path.parent / WORKSPACE, config) as workspace:
    made = app(config, workspace)
    made.state.server.answering._spool = Nowhere()
    http = protocol(config.limits, made.state.server.measures, made.nows)
    uvicorn.run(
        made, port=int(sys.argv[1]), loop="uvloop", http=http, access_log=False, log_level="warning", proxy_headers=False,
        server_header=False,
    )
"""


def trained() -> lightgbm.LGBMClassifier:
    """200 trees of 31 leaves over 30 numbers, as scikit-learn's wrapper has it."""
    random = np.random.default_rng(7)
    matrix = random.normal(size=(ROWS, WIDTH))
    target = (matrix[:, :5].sum(axis=1) + random.normal(size=ROWS) > 0).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=31, n_jobs=1, verbosity=-1)
    return model.fit(matrix, target, feature_name=NAMES)


def rows(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows as a request has them."""
    random = np.random.default_rng(seed)
    return [{"person_id": i} | dict(zip(NAMES, map(float, random.normal(size=WIDTH)), strict=True)) for i in range(count)]


def bodies(folder: Path) -> dict[int, Path]:
    """Files of bodies, one a line, by how many rows each has; 200 has as many bodies of one row, and 1 a single one."""
    made = {1: folder / "body.txt", 200: folder / "bodies.txt"}
    lines = [json.dumps(row) + "\n" for row in rows(200)]
    made[1].write_text(lines[0])
    made[200].write_text("".join(lines))
    for count, several in ((100, 20), (1_000, 4), (10_000, 2)):
        made[count] = folder / f"bodies-{count}.txt"
        found = rows(count * several, count)
        told = [json.dumps({"rows": found[i : i + count]}) + "\n" for i in range(0, len(found), count)]
        made[count].write_text("".join(told))
    return made


def prepared(folder: Path, model: lightgbm.LGBMClassifier) -> tuple[Project, str]:
    """A project whose champion and candidate are the model, each with half of the units; and the API key that its server asks for."""
    signature = Signature(tuple(Input(name, "number") for name in NAMES))
    inputs = [{"name": name, "column": name, "view": None, "type": "number", "low": None, "high": None} for name in NAMES]
    access = {"auth": {"keys": True, "jwt": None, "public": None}}
    made = project(folder, {"inputs": inputs, "max_rows": 10_000, "rollout": None, "access": access})
    key = keys.issue(made.store, "user:bench", name="bench", models=None, environment="dev", expires=None)
    data = model.booster_.model_to_string().encode()
    champion, candidate = (made.add(data, "lightgbm.classifier", "lightgbm-text", signature) for _ in range(2))
    made.alias("champion", champion)
    made.weigh(champion, candidate, 0.5)
    return made, key.text


@contextmanager
def running(
    name: str, command: list[str], port: int, path: str, bodies: Path, *, own: Path | None = None, key: str = ""
) -> Iterator[Target]:
    """A process that answers, until the end; `own` has the programs of its environment, and `key` is the one that it asks for."""
    env = {**os.environ, **QUIET}
    if own is not None:
        env["PATH"] = f"{own}:{env['PATH']}"
        env.pop("PYTHONPATH", None)
    process = subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        body = bodies.read_text().splitlines()[0].encode()
        started = time.monotonic()
        while not answers(port, path, body, key):
            if process.poll() is not None or time.monotonic() - started > 120:
                sys.exit(f"{name} does not answer")
            time.sleep(0.1)
        yield Target(name, port, process.pid, path, bodies)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the peer's own session
                process.wait()


def answers(port: int, path: str, body: bytes, key: str) -> bool:
    """Whether a server answers a body with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "X-API-Key": key})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def script(folder: Path, name: str, text: str, *arguments: str, port: int) -> list[str]:
    """A command that runs one of the programs above."""
    place = folder / f"{name}.py"
    place.write_text(text)
    return [sys.executable, str(place), str(port), *arguments]


@contextmanager
def ours(folder: Path, made: Project, key: str, sent: dict[int, Path], *, logged: bool = True) -> Iterator[Target]:
    """Headrace, everything on, or without its journal."""
    port = free_port()
    if logged:
        name, command = "headrace", [sys.executable, "-m", "headrace.serving", str(made.config), "--port", str(port)]
    else:
        name, command = "headrace, log off", script(folder, "unlogged", UNLOGGED, str(made.config), port=port)
    with running(name, command, port, "/predict", sent[1], key=key) as target:
        yield target


@contextmanager
def floor(folder: Path, sent: dict[int, Path]) -> Iterator[Target]:
    """A bare ASGI function on uvicorn that answers the same bytes to all."""
    port = free_port()
    with running("uvicorn floor", script(folder, "floor", FLOOR, port=port), port, "/predict", sent[1]) as target:
        yield target


@contextmanager
def naive(folder: Path, model: lightgbm.LGBMClassifier, sent: dict[int, Path]) -> Iterator[Target]:
    """What a tutorial writes: a pydantic model, a DataFrame, scikit-learn's wrapper (on one thread)."""
    port, place = free_port(), folder / "model.joblib"
    joblib.dump(model, place)
    with running("naive FastAPI", script(folder, "naive", NAIVE, str(place), port=port), port, "/predict", sent[1]) as target:
        yield target
