#!/usr/bin/env python
"""p50 of /predict at concurrency 1, journal on, against a plain FastAPI endpoint on the same model in the same run; prints JSON.

Compare the numbers of one run alone: rounds alternate between the two servers, and their medians are told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import numpy as np
import psutil
from serving_process import Project, free_port, project, served, until

from headrace.diagnostics import Report
from headrace.hooks import Input, Signature, load_plugins, resolve

CATEGORIES = 15
ROWS = 4000
GOAL_MS = 2.0
GOAL_MB = 400.0

NAIVE = """
import json, sys
from typing import Optional

import lightgbm
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import create_model

from headrace.hooks import Signature

told = json.loads(open(sys.argv[1]).read())
signature = Signature.from_json(told["signature"])
booster = lightgbm.Booster(model_str=told["model"])
fields = {item.name: (Optional[float if item.type == "number" else str], ...) for item in signature.inputs}
Row = create_model("Row", person_id=(int, ...), **fields)
app = FastAPI()


@app.post("/predict")
async def predict(row: Row):
    frame = pd.DataFrame([row.model_dump()])
    return {"prediction": float(booster.predict(signature.encode(frame), num_threads=1)[0])}


uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning")
"""


def model() -> tuple[Signature, bytes]:
    """The reference project's shape: one number, fifteen categories, 200 trees of 31 leaves."""
    inputs = (
        Input("age", "number", low=0.0, high=120.0),
        *(Input(f"c{i}", "category", tuple(map(str, range(8)))) for i in range(CATEGORIES)),
    )
    signature = Signature(inputs)
    random = np.random.default_rng(7)
    matrix = np.column_stack([random.uniform(0, 120, ROWS), random.integers(0, 8, (ROWS, CATEGORIES))]).astype(float)
    target = (matrix[:, 0] / 30 + matrix[:, 1:5].sum(axis=1) + random.normal(0, 4, ROWS) > 16).astype(float)
    algorithm = load_plugins(None, Report()).algorithms["lightgbm.classifier"]
    params = resolve(algorithm.params)(n_estimators=200, num_leaves=31, learning_rate=0.05)
    fitted = resolve(algorithm.fit)(matrix, target, signature=signature, params=params, seed=7)
    return signature, resolve(algorithm.save)(fitted)


def rows(count: int) -> list[bytes]:
    random = np.random.default_rng(1)
    found = []
    for i in range(count):
        row: dict[str, Any] = {"person_id": i, "age": float(random.uniform(0, 120))}
        row |= {f"c{j}": str(random.integers(0, 8)) for j in range(CATEGORIES)}
        found.append(json.dumps(row).encode())
    return found


def one_round(port: int, bodies: list[bytes]) -> list[float]:
    """Seconds of each request, over one connection."""
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}
    taken = []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/predict", body, headers)
        reply = connection.getresponse()
        text = reply.read()
        taken.append(time.perf_counter() - started)
        assert reply.status == 200, text
    connection.close()
    return taken


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def summary(rounds: list[list[float]], cpu: float, pid: int) -> dict[str, float]:
    requests = sum(map(len, rounds))
    return {
        "p50_ms": round(statistics.median(statistics.median(one) for one in rounds) * 1e3, 4),
        "p99_ms": round(statistics.median(float(np.quantile(one, 0.99)) for one in rounds) * 1e3, 4),
        "requests_per_s": round(statistics.median(len(one) / sum(one) for one in rounds), 1),
        "server_cpu_us_per_request": round(cpu / requests * 1e6, 1),
        "peak_mb": round(peak_mb(pid), 1),
    }


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def prepare(made: Project, signature: Signature, data: bytes) -> None:
    inputs = [{"name": item.name, "column": item.name, "view": None, "type": item.type, "low": item.low, "high": item.high} for item in signature.inputs]
    config = json.loads(made.config.read_text())
    made.config.write_text(json.dumps({**config, "inputs": inputs}))
    made.alias("champion", made.add(data, "lightgbm.classifier", "lightgbm-text", signature))
    (made.root / "naive.json").write_text(json.dumps({"signature": signature.to_json(), "model": data.decode()}))
    (made.root / "naive.py").write_text(NAIVE)


def run(rounds: int, requests: int) -> dict[str, Any]:
    signature, data = model()
    bodies = rows(requests)
    with tempfile.TemporaryDirectory() as folder:
        made = project(Path(folder) / "project")
        prepare(made, signature, data)
        port = free_port()
        command = [sys.executable, str(made.root / "naive.py"), str(made.root / "naive.json"), str(port)]
        naive = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            with served(made) as server:
                until(lambda: _answers(port, bodies[0]), 120)
                targets = {"headrace": (server.port, server.process.pid), "naive": (port, naive.pid)}
                taken: dict[str, list[list[float]]] = {name: [] for name in targets}
                for where, _ in targets.values():
                    one_round(where, bodies[:200])
                before = {name: cpu_seconds(pid) for name, (_, pid) in targets.items()}
                for turn in range(rounds):
                    for name in sorted(targets, reverse=turn % 2 == 1):
                        taken[name].append(one_round(targets[name][0], bodies))
                told: dict[str, Any] = {
                    name: summary(taken[name], cpu_seconds(pid) - before[name], pid) for name, (_, pid) in targets.items()
                }
        finally:
            naive.terminate()
            naive.wait(10)
    told["times_naive"] = round(told["naive"]["p50_ms"] / told["headrace"]["p50_ms"], 2)
    told["goals"] = {
        f"p50 < {GOAL_MS:g} ms": told["headrace"]["p50_ms"] < GOAL_MS,
        f"peak < {GOAL_MB:g} MB": told["headrace"]["peak_mb"] < GOAL_MB,
    }
    return told


def _answers(port: int, body: bytes) -> bool:
    try:
        one_round(port, [body])
    except OSError:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="requests a round")
    options = parser.parse_args()
    told = run(options.rounds, options.requests)
    print(json.dumps(told, indent=2))
    return 0 if all(told["goals"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
