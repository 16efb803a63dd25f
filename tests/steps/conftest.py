import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from headrace.steps.workspace import open_workspace

CONFIG = {
    "project": "shop",
    "language": 1,
    "environment": "dev",
    "production": False,
    "store": "sqlite:///.headrace/state.db",
    "blobs": ".headrace/blobs",
    "spool": ".headrace/spool",
    "plugins": {"allow": [], "deny": []},
    "sources": {
        "people": {
            "uri": "people.pq",
            "columns": {
                "id": {"from": "id", "type": "int64"},
                "seen": {"from": "seen", "type": "timestamp"},
                "age": {"from": "age", "type": "float"},
                "sex": {"from": "sex", "type": "category"},
                "left": {"from": "left", "type": "int64"},
            },
            "arrival": None,
            "fresh_within_seconds": None,
            "checks": [],
        }
    },
    "views": {},
    "channels": {},
    "models": ["churn"],
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A compiled project of one source, people.pq, as the working directory."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "headrace.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    rng = np.random.default_rng(5)
    age = rng.normal(40, 10, 600)
    left = (rng.random(600) < 1 / (1 + np.exp(-(age - 40) / 4))).astype(int)
    seen = pd.date_range(datetime(2020, 1, 1, tzinfo=UTC), periods=600, freq="h")
    frame = pd.DataFrame({"id": np.arange(600), "seen": seen, "age": age, "sex": rng.choice(["1", "2"], 600), "left": left})
    frame.to_parquet(tmp_path / "people.pq")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    return tmp_path


@pytest.fixture
def place(root):
    with open_workspace(root / "flows" / "headrace.json", "train") as opened:
        yield opened
