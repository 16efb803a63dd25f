from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from headrace.compiled import SourceConfig
from headrace.diagnostics import Report
from headrace.features import Category, Number, RandomSplit, Target, training_rows
from headrace.hooks import load_plugins
from headrace.store import Store, tables

START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def readers():
    return load_plugins(None, Report(), allow=[]).readers


@pytest.fixture
def people():
    """200 people, one a day from 2020-01-01, every fourth with the answer 1."""
    return pd.DataFrame(
        {
            "ID": np.arange(200),
            "seen": pd.date_range(START, periods=200, freq="D"),
            "AGE": np.linspace(20, 60, 200),
            "colour": ["red", "green"] * 100,
            "left": (np.arange(200) % 4 == 0).astype(int),
        }
    )


@pytest.fixture
def source():
    """How people.pq is declared."""
    declared = {
        "uri": "people.pq",
        "columns": {
            "id": {"from": "ID", "type": "int64"},
            "seen": {"from": "seen", "type": "timestamp"},
            "age": {"from": "AGE", "type": "float"},
            "colour": {"from": "colour", "type": "category"},
            "left": {"from": "left", "type": "int64"},
        },
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
    return SourceConfig.model_validate(declared)


@pytest.fixture
def read_rows(tmp_path, store, readers, people, source):
    """Training rows of people.pq, read back, with what is passed instead of the usual."""

    def read(frame=None, **instead):
        (people if frame is None else frame).to_parquet(tmp_path / "people.pq")
        usual = {
            "root": tmp_path,
            "sources": {"people": source},
            "views": {},
            "model": "churn",
            "run_id": "r1",
            "source": "people",
            "entity": "id",
            "time": "seen",
            "target": Target("left", timedelta(days=10)),
            "inputs": [Number("age", column="age", low=0.0, high=120.0), Category("paint", column="colour")],
            "split": RandomSplit(0.25),
            "seed": 7,
        }
        rows = training_rows(store, readers, **(usual | instead))
        import io

        return rows, pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))

    return read


@pytest.fixture
def journalled(store):
    """Journal one request and its answer."""

    def write(entity, *, day, value, known_day, inputs=None):
        with store.transaction("test", "journal", "model/churn") as session:
            at = START + timedelta(days=day)
            usual = {"age": 33.0, "paint": "blue"}
            session.add(
                tables.Prediction(
                    id=f"{entity}-{day}",
                    model="churn",
                    version=1,
                    arm="champion",
                    epoch=1,
                    entity=entity,
                    at=at,
                    recorded_at=at,
                    latency_us=1,
                    inputs=usual if inputs is None else inputs,
                    output=0.5,
                    unseen=[],
                )
            )
            session.add(tables.Outcome(model="churn", entity=entity, value=value, known_at=START + timedelta(days=known_day)))

    return write
