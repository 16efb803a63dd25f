import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from headrace import gates, registry
from headrace.builtin.algorithms import lightgbm_classifier, sklearn_logistic_regression
from headrace.diagnostics import Report
from headrace.hooks import Input, Signature, load_plugins, resolve
from headrace.spec.params import read_params
from headrace.store import Store, digest

SIGNATURE = Signature((Input("age", "number"), Input("sex", "category", ("1", "2"))))


@pytest.fixture(scope="session")
def plugins():
    return load_plugins(None, Report(), allow=[])


@pytest.fixture
def store(request, tmp_path):
    """In an SQLite file; on PostgreSQL where a test is marked `on_both`."""
    url = request.getfixturevalue("postgres") if getattr(request, "param", "sqlite") == "postgresql" else "sqlite:///state.db"
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def people():
    """600 people whose answer depends on age; the held-out half is the last 300."""
    rng = np.random.default_rng(5)
    age = rng.normal(40, 10, 600)
    left = (rng.random(600) < 1 / (1 + np.exp(-(age - 40) / 4))).astype(float)
    seen = pd.date_range(datetime(2020, 1, 1, tzinfo=UTC), periods=600, freq="h")
    return pd.DataFrame({"id": np.arange(600).astype(str), "seen": seen, "age": age, "sex": rng.choice(["1", "2"], 600), "left": left})


@pytest.fixture(scope="session")
def trained(people):
    """A good model's bytes, a plain one's, and a useless one's."""
    matrix, target = SIGNATURE.encode(people[:300]), people["left"][:300].to_numpy()
    trees, line = lightgbm_classifier, sklearn_logistic_regression
    good = trees.fit(matrix, target, signature=SIGNATURE, params=trees.Params(n_estimators=20, num_leaves=4), seed=1)
    useless = trees.fit(matrix, np.roll(target, 37), signature=SIGNATURE, params=trees.Params(n_estimators=20), seed=1)
    plain = line.fit(matrix, target, signature=SIGNATURE, params=line.Params(), seed=1)
    return {"good": trees.save(good), "useless": trees.save(useless), "plain": line.save(plain)}


@pytest.fixture
def register(store, people, trained):
    """Register one of the trained models, with its held-out rows and, where asked for, a baseline."""

    def make(which="good", *, baseline=None, signature=SIGNATURE, run_id="r1"):
        out = io.BytesIO()
        people[300:].to_parquet(out, index=False)
        manifest = {
            "signature": signature.to_json(),
            "target": "left",
            "seed": 7,
            "digests": {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")},
            "reference": store.blobs.put(out.getvalue()),
            "baseline": baseline and {"algorithm": baseline[0], "digest": store.blobs.put(baseline[1])},
        }
        return registry.register(
            store, actor="test", model="churn", run_id=run_id, manifest=manifest, model_bytes=trained[which],
            algorithm="lightgbm.classifier", format="lightgbm-text", at=datetime(2020, 2, 1, tzinfo=UTC) + timedelta(0),
        )  # fmt: skip

    return make


@pytest.fixture
def candidate(store, plugins):
    """Train an algorithm on the rows of the side `train`, and register it with its training rows, its held-out rows and a baseline."""

    def make(frame, inputs, *, algorithm="lightgbm.classifier", params=None, run_id="r1", given=None, task="binary"):
        train, held = (frame[frame["side"] == side].reset_index(drop=True) for side in ("train", "holdout"))
        signature = Signature(tuple(_input(name, kind, train[name]) for name, kind in inputs.items()))
        known = given or plugins.algorithms[algorithm]
        settings = read_params(resolve(known.params), params or {})
        fitted = resolve(known.fit)(signature.encode(train), train["left"].to_numpy(float), signature=signature, params=settings, seed=1)
        data, reference = (_parquet(part) for part in (frame, held.drop(columns="side")))
        manifest = {
            "signature": signature.to_json(), "target": "left", "seed": 7, "task": task, "metrics": {"roc_auc": 0.8},
            "digests": {part: store.blobs.put(part.encode()) for part in ("spec", "code", "environment")} | {"data": store.blobs.put(data)},
            "reference": store.blobs.put(reference), "rows": {"train": len(train), "holdout": len(held), "new": 0},
        }  # fmt: skip
        return registry.register(
            store, actor="test", model="churn", run_id=run_id, manifest=manifest, model_bytes=resolve(known.save)(fitted),
            algorithm=known.name, format=known.format, at=datetime(2020, 2, 1, tzinfo=UTC),
        )  # fmt: skip

    return make


def _input(name, kind, column):
    seen = tuple(sorted(column.dropna().unique())) if kind == "category" else ()
    low, high = (float(column.min()), float(column.max())) if kind == "number" else (None, None)
    return Input(name, kind, seen, low, high, missing=bool(column.isna().any()))


def _parquet(frame):
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


@pytest.fixture
def asked(store, plugins):
    """What one gate says of a version, as it is announced."""

    def ask(version, gate, plugins=plugins, **params):
        verdict = gates.judge(
            store, plugins, actor="service:train", model=version.model, number=version.number, run_id=uuid4().hex,
            gates=[*params.pop("before", ()), gates.ByPlugin("one", gate, params)],
        )  # fmt: skip
        return verdict.payload["gates"][-1]

    return ask


@pytest.fixture(scope="session")
def rows():
    """n rows with the columns that a training has: whose and when, inputs and answers that a function draws, and the side."""

    def make(n, draw, *, seed=5, share=0.5):
        rng = np.random.default_rng(seed)
        seen = pd.date_range(datetime(2020, 1, 1, tzinfo=UTC), periods=n, freq="h")
        held = np.arange(n) >= round(n * (1 - share))
        inputs = draw(rng, n)
        return pd.DataFrame(
            {"id": np.arange(n).astype(str), "seen": seen, **inputs, "side": np.where(held, "holdout", "train")},
        )

    return make
