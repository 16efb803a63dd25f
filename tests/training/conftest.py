from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from headrace.compiled import SourceConfig
from headrace.diagnostics import Report
from headrace.features import Category, Number, RandomSplit, Target, training_rows
from headrace.hooks import load_plugins
from headrace.store import Store

SOURCE = SourceConfig.model_validate(
    {
        "uri": "people.pq",
        "columns": {
            "id": {"from": "id", "type": "int64"},
            "seen": {"from": "seen", "type": "timestamp"},
            "age": {"from": "age", "type": "float"},
            "colour": {"from": "colour", "type": "category"},
            "left": {"from": "left", "type": "int64"},
        },
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)


@pytest.fixture
def store(tmp_path):
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def plugins():
    return load_plugins(None, Report(), allow=[])


@pytest.fixture
def people():
    """400 people whose answer depends on age and colour."""
    rng = np.random.default_rng(5)
    age, colour = rng.normal(40, 10, 400), rng.integers(0, 3, 400)
    left = (rng.random(400) < 1 / (1 + np.exp(-(age - 40) / 5 - (colour == 2)))).astype(int)
    seen = pd.date_range(datetime(2020, 1, 1, tzinfo=UTC), periods=400, freq="h")
    return pd.DataFrame(
        {"id": np.arange(400), "seen": seen, "age": age, "colour": np.array(["red", "green", "blue"])[colour], "left": left}
    )


@pytest.fixture
def make_rows(tmp_path, store, plugins, people):
    """A handle on training rows of people, for a run of this id."""

    def make(run_id="r1", frame=None, **instead):
        (people if frame is None else frame).to_parquet(tmp_path / "people.pq")
        usual = {
            "root": tmp_path,
            "sources": {"people": SOURCE},
            "views": {},
            "model": "churn",
            "source": "people",
            "entity": "id",
            "time": "seen",
            "target": Target("left", timedelta(days=1)),
            "inputs": [Number("age", column="age", low=0.0, high=120.0), Category("paint", column="colour")],
            "split": RandomSplit(0.3),
            "seed": 7,
        }
        return training_rows(store, plugins.readers, run_id=run_id, **(usual | instead))

    return make
