"""A project with tiny models, made where a test wants it: configs, store, versions, aliases and weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import registry, traffic
from headrace.diagnostics import Report
from headrace.hooks import Input, Plugins, Signature, load_plugins
from headrace.hooks.contracts import resolve
from headrace.store import Store, clock


class Beside:
    """Somebody's middleware, which does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


BESIDE = (Middleware(Beside),)
"""With it, predictions are answered by FastAPI's routes; without, in front of them."""

MODEL = "employment"
SIGNATURE = Signature(
    (Input("age", "number", low=0.0, high=120.0), Input("education", "category", ("16", "19", "21")), Input("sex", "category", ("1", "2")))
)
ROW: dict[str, Any] = {"person_id": 7, "age": 46.0, "education": "21", "sex": "2"}
ACTOR = "user:test"

CONFIG: dict[str, Any] = {
    "model": MODEL,
    "project": "labour",
    "entity": "person_id",
    "time": "surveyed_at",
    "unit": "person_id",
    "inputs": [
        {"name": "age", "column": "age", "view": None, "type": "number", "low": 0.0, "high": 120.0},
        {"name": "education", "column": "education", "view": None, "type": "category", "low": None, "high": None},
        {"name": "sex", "column": "sex", "view": None, "type": "category", "low": None, "high": None},
    ],
    "target": "employed",
    "port": 8080,
    "fallback": "champion",
    "max_rows": 1000,
    "rollout": {
        "judge": [
            {"metric": "error_rate", "over": None, "promote_below": 2.0, "negligible": 0.02, "ceiling": 0.05},
            {"metric": "slow_request", "over": 0.25, "promote_below": 2.0, "negligible": 0.02, "ceiling": None},
        ],
        "false_rollback": 0.05,
        "warmup_requests": 20,
    },
}
WORKSPACE: dict[str, Any] = {
    "project": "labour",
    "language": 1,
    "environment": "dev",
    "production": False,
    "store": "sqlite:///.headrace/state.db",
    "blobs": ".headrace/blobs",
    "spool": ".headrace/spool",
    "plugins": {"allow": None, "deny": []},
    "sources": {},
    "views": {},
    "channels": {},
    "models": [MODEL],
}

FLAKY = '''
"""A champion that works, and a candidate that fails on one row in ten; both answer a constant that their bytes name."""

import json

import numpy as np
from pydantic import BaseModel

from headrace.hooks import Algorithm, hookimpl


class Params(BaseModel):
    pass


class Constant:
    def __init__(self, value, fail, delay):
        self.value, self.fail, self.delay = value, fail, delay

    def predict(self, matrix):
        import time

        time.sleep(self.delay)
        ages = matrix[:, 0]
        if self.fail and bool((ages % self.fail == 0).any()):
            raise RuntimeError("this row breaks the candidate")
        return np.full(len(matrix), self.value)


def load(data, *, signature):
    told = json.loads(data)
    return Constant(told["value"], told.get("fail"), told.get("delay", 0.0))


def fit(matrix, target, *, signature, params, seed):
    raise NotImplementedError("its bytes are written by the tests")


def save(predictor):
    raise NotImplementedError("its bytes are written by the tests")


@hookimpl
def headrace_algorithms():
    here = __name__
    return [Algorithm("flaky", "binary", f"{here}:Params", f"{here}:fit", f"{here}:save", f"{here}:load", "json")]
'''


@cache
def trees(seed: int) -> bytes:
    """A tiny LightGBM; another seed is another model."""
    plugins = load_plugins(None, Report())
    algorithm = plugins.algorithms["lightgbm.classifier"]
    random = np.random.default_rng(seed)
    matrix = np.column_stack([random.uniform(0, 120, 300), random.integers(0, 3, 300), random.integers(0, 2, 300)]).astype(float)
    target = (matrix[:, 0] + 20 * matrix[:, 1] + random.normal(0, 20, 300) > 70 + 10 * seed).astype(float)
    params = resolve(algorithm.params)(n_estimators=5, num_leaves=4)
    fitted = resolve(algorithm.fit)(matrix, target, signature=SIGNATURE, params=params, seed=seed)
    saved: bytes = resolve(algorithm.save)(fitted)
    return saved


@dataclass
class Project:
    """A folder with compiled configs, and its store open."""

    root: Path
    store: Store
    config: Path
    model: str = MODEL

    @property
    def plugins(self) -> Plugins:
        return load_plugins(self.root, Report())

    @property
    def spool(self) -> Path:
        return self.root / ".headrace" / "spool" / self.model

    def register(self, seed: int = 0) -> int:
        """One more LightGBM; its number."""
        return self.add(trees(seed), "lightgbm.classifier", "lightgbm-text")

    def register_flaky(self, value: float = 0.5, **settings: float) -> int:
        """One more constant model of the project's own plugin."""
        folder = self.root / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / "flaky.py").write_text(FLAKY, encoding="utf-8")
        return self.add(json.dumps({"value": value, **settings}).encode(), "flaky", "json")

    def add(self, data: bytes, algorithm: str, form: str, signature: Signature = SIGNATURE) -> int:
        digest = "sha256:" + hashlib.sha256(b"").hexdigest()
        manifest = {
            "params": {},
            "signature": signature.to_json(),
            "target": "employed",
            "seed": 0,
            "digests": dict.fromkeys(("data", "spec", "code", "environment"), digest),
            "metrics": {},
        }
        version = registry.register(
            self.store,
            actor=ACTOR,
            model=self.model,
            run_id="run",
            manifest=manifest,
            model_bytes=data,
            algorithm=algorithm,
            format=form,
            at=clock.wall(),
        )
        return version.number

    def alias(self, name: str, number: int | None) -> None:
        with self.store.transaction(ACTOR, "move", self.model) as session:
            registry.move(session, model=self.model, alias=name, number=number, at=clock.wall(), reason="test")

    def weigh(self, champion: int, candidate: int | None = None, share: float = 0.0) -> int:
        """New weights; their epoch."""
        arms = [traffic.Arm("champion", champion, 1.0 - share)]
        if candidate is not None:
            arms.append(traffic.Arm("candidate", candidate, share))
        with self.store.transaction(ACTOR, "weigh", self.model) as session:
            standing = traffic.current(session, self.model)
            expected = standing.epoch if standing else None
            return traffic.set_weights(session, model=self.model, expected=expected, arms=arms, at=clock.wall(), reason="test").epoch

    def blob(self, number: int) -> Path:
        """The file of a version's model."""
        with self.store.read() as session:
            return self.store.blobs.path(registry.get(session, self.model, number).model_digest)


def project(root: Path, config: Mapping[str, Any] | None = None, workspace: Mapping[str, Any] | None = None) -> Project:
    """A compiled project in an empty folder."""
    flows = root / "flows"
    flows.mkdir(parents=True)
    (flows / "headrace.json").write_text(json.dumps({**WORKSPACE, **(workspace or {})}), encoding="utf-8")
    path = flows / f"{MODEL}.serving.json"
    path.write_text(json.dumps({**CONFIG, **(config or {})}), encoding="utf-8")
    url = {**WORKSPACE, **(workspace or {})}["store"]
    return Project(root, Store.open(url, ".headrace/blobs", root=root), path)
