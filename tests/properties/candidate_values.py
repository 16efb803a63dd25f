"""Versions whose quality is a number: what a model answers is the truth, blurred by as much noise as its bytes say."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from monitored_values import AT, MODEL, storing

from headrace import gates, registry
from headrace.diagnostics import Report
from headrace.gates import Minimum, NoWorse, Verdict
from headrace.gates.values import Test
from headrace.hooks import Algorithm, Input, Signature, load_plugins
from headrace.store import Store, digest

SIGNATURE = Signature((Input("truth", "number"), Input("noise", "number")))
ALGORITHM = Algorithm("blur", "binary", "", "", "", f"{__name__}:load", "text")
PLUGINS = replace(load_plugins(None, Report(), allow=[]), algorithms={"blur": ALGORITHM})


class Blur:
    """Answers by the truth and so much noise."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def predict(self, matrix: Any) -> Any:
        return 1 / (1 + np.exp(-(matrix[:, 0] + self.noise * matrix[:, 1])))


def load(data: bytes, *, signature: Signature) -> Blur:
    return Blur(float(data))


def rows(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    truth, noise = rng.normal(0, 2, 400), rng.normal(0, 1, 400)
    frame = pd.DataFrame({"truth": truth, "noise": noise, "left": (rng.random(400) < 1 / (1 + np.exp(-truth))).astype(float)})
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


@dataclass
class Contest:
    """A champion and a candidate on the same held-out rows."""

    store: Store
    seed: int
    model: str = MODEL

    def register(self, noise: float, run_id: str) -> registry.Version:
        digests = {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")}
        reference = self.store.blobs.put(rows(self.seed))
        manifest = {
            "signature": SIGNATURE.to_json(),
            "target": "left",
            "seed": 7,
            "digests": digests,
            "reference": reference,
            "baseline": None,
        }
        return registry.register(
            self.store, actor="test", model=self.model, run_id=run_id, manifest=manifest, model_bytes=str(noise).encode(),
            algorithm="blur", format="text", at=AT,
        )  # fmt: skip

    def judge(self, version: registry.Version, test: Test = "bootstrap", better: float | None = None) -> Verdict:
        metric = "accuracy" if test == "mcnemar" else "roc_auc"
        champion = NoWorse("champion", metric, versus="champion", first="pass", test=test, better_by_at_least=better)
        asked = (Minimum("quality", "roc_auc", min=0.5), champion)
        return gates.judge(self.store, PLUGINS, actor="test", model=self.model, number=version.number, run_id=version.run_id, gates=asked)

    def aliases(self) -> dict[str, int]:
        with self.store.read() as session:
            return registry.aliases(session, self.model)


@contextmanager
def contest(noise: float, seed: int, url: str = "sqlite:///state.db") -> Iterator[Contest]:
    """A store with a champion of this noise."""
    with storing(url) as store:
        made = Contest(store, seed)
        version = made.register(noise, "first")
        with store.transaction("test", "promote", MODEL) as session:
            registry.promote(session, model=MODEL, number=version.number, at=AT, reason="test")
        yield made
