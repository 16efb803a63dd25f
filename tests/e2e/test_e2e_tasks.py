"""Models of each task on real data, from their specs to a served answer, its realised performance and a training on the journal's answers.

The data: nannyml's card and car-price sets (Apache-2.0), whose files are read without importing nannyml.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from shop import HOLDER, imported
from sqlmodel import select

from headrace import project as projects
from headrace import registry
from headrace.compiled import read_serving, read_workspace
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.journal import ship
from headrace.serving.application import app
from headrace.serving.workspace import open_workspace
from headrace.store import Store, clock, tables

pytestmark = pytest.mark.slow

NOW = datetime(2022, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SERVED = 300

HEAD = """\
kind: project
name: lives
language: 1
---
kind: environment
name: dev
store: sqlite:///.headrace/state.db
blobs: .headrace/blobs
---
"""
CARDS = (
    HEAD
    + """\
kind: source
name: rows
uri: rows.csv
columns:
  id: {type: int64}
  timestamp: {type: timestamp}
  acq_channel: {type: category}
  app_channel: {type: category}
  app_behavioral_score: {type: float}
  credit_bureau_score: {type: float}
  stated_income: {type: float}
  y_true: {type: category}
---
kind: feature_view
name: view
from: source/rows
entity: id
time: timestamp
features:
  acq_channel: {column: acq_channel}
  app_channel: {column: app_channel}
  app_behavioral_score: {column: app_behavioral_score}
  credit_bureau_score: {column: credit_bureau_score}
  stated_income: {column: stated_income}
---
"""
)
CARS = (
    HEAD
    + """\
kind: source
name: rows
uri: rows.csv
columns:
  id: {type: int64}
  timestamp: {type: timestamp}
  fuel: {type: category}
  transmission: {type: category}
  car_age: {type: float}
  km_driven: {type: float}
  price_new: {type: float}
  y_true: {type: float}
---
kind: feature_view
name: view
from: source/rows
entity: id
time: timestamp
features:
  fuel: {column: fuel}
  transmission: {column: transmission}
  car_age: {column: car_age}
  km_driven: {column: km_driven}
  price_new: {column: price_new}
---
"""
)
MODEL = """\
kind: model
name: told
features:
  entity: id
  time: timestamp
  target: {{column: y_true, delay: 1d}}
  rows: source/rows
  use: {{view: all}}
training: {training}
gates:
{gates}
serving: {{}}
monitoring:
  window: {{rows: {rows}}}
  every: 1d
  drift: {{features: all}}
  performance: {performance}
  alerts: [{{id: degraded, when: "{alert}"}}]
retraining: [{{id: degraded, when: alert.degraded}}]
"""


@dataclass
class Life:
    """A compiled project under its own clock."""

    root: Path
    store: Store
    flows: ModuleType
    later: pd.DataFrame

    def train(self) -> registry.Version:
        verdict = self.flows.gates.fn(self.flows.training.fn(self.flows.features.fn(None, None)))
        assert verdict.passed, [gate["reason"] for gate in verdict.payload["gates"]]
        self.flows.rollout.fn(verdict.event_id)
        with self.store.read() as session:
            return registry.find(session, "told", "champion")

    @contextmanager
    def served(self) -> Iterator[TestClient]:
        config = read_serving(self.root, "told")
        with open_workspace(self.root / "flows" / "headrace.json", config) as workspace, TestClient(app(config, workspace)) as client:
            yield client

    def requests(self) -> list[dict[str, Any]]:
        names = ["id", *self.asked()]
        return self.later[names].to_dict("records")

    def asked(self) -> list[str]:
        return [item.name for item in read_serving(self.root, "told").inputs]

    def outcomes(self) -> list[dict[str, Any]]:
        return [{"id": int(row.id), "y_true": row.y_true, "known_at": (NOW + 2 * DAY).isoformat()} for row in self.later.itertuples()]

    def window(self) -> tables.Window:
        ship(self.store, self.root / read_workspace(self.root).spool / "told")
        clock.drive(self.store, HOLDER, NOW + 3 * DAY)
        self.flows.alerts.fn(self.flows.monitoring.fn(None))
        with self.store.read() as session:
            window = session.exec(select(tables.Window)).first()
            assert window is not None
            session.expunge(window)
            return window


@contextmanager
def lived(root: Path, specs: str, files: tuple[str, str, str], rows: int, monkeypatch: pytest.MonkeyPatch, **model: str) -> Iterator[Life]:
    found = find_spec("nannyml")
    assert found is not None
    assert found.origin is not None
    data = Path(found.origin).parent / "datasets" / "data"
    for folder in ("specs", "flows"):
        (root / folder).mkdir(parents=True)
    pd.read_csv(data / files[0], nrows=rows).to_csv(root / "rows.csv", index=False)
    later = pd.read_csv(data / files[1], nrows=SERVED).merge(pd.read_csv(data / files[2], nrows=SERVED), on="id")
    (root / "specs" / "told.yaml").write_text(specs + MODEL.format(rows=SERVED, **model), encoding="utf-8")
    report = Report()
    loaded = projects.load(root, report)
    assert loaded is not None, [fault.message for fault in report]
    for path, text in compile_project(loaded).items():
        (root / path).write_text(text, encoding="utf-8")
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(root))
    monkeypatch.chdir(root)
    config = read_workspace(root)
    with Store.open(config.store, config.blobs, root=root) as store:
        clock.drive(store, HOLDER, NOW)
        yield Life(root, store, imported(root / "flows" / "told.py"), later)


CARD_FILES = ("mc_reference.csv", "mc_analysis.csv", "mc_analysis_gt.csv")
CAR_FILES = ("regression_synthetic_reference.csv", "regression_synthetic_analysis.csv", "regression_synthetic_analysis_targets.csv")


def test_a_model_of_several_classes_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lived(
        tmp_path,
        CARDS,
        CARD_FILES,
        3000,
        monkeypatch,
        training="{algorithm: lightgbm.multiclass, params: {n_estimators: 40}, split: {by: random, holdout: 25%, stratify: target}}",
        gates="""\
  - {id: quality, metric: accuracy, min: 0.6}
  - {id: each, metric: recall, each: class, min: 0.3}
  - {id: useful, metric: log_loss, versus: baseline}
  - {id: champion, metric: f1, average: weighted, versus: champion, worse_by_at_most: 0.05, first: baseline}
""",
        performance="{metric: f1, average: weighted, min_labels: 100}",
        alert="performance.f1 < 0.2",
    ) as life:
        version = life.train()
        classes = ["highstreet_card", "prepaid_card", "upmarket_card"]
        assert ("multiclass", classes) == (version.manifest["task"], version.manifest["classes"])
        assert {
            "accuracy",
            "brier",
            "expected_calibration_error",
            "f1",
            "log_loss",
            "precision",
            "recall",
            "roc_auc",
            "average_precision",
        } == set(version.manifest["metrics"])
        with life.served() as client:
            answer = client.post("/predict", json=life.requests()[0]).json()
            assert classes == list(answer["probabilities"])
            assert max(answer["probabilities"], key=answer["probabilities"].__getitem__) == answer["prediction"]
            assert sum(answer["probabilities"].values()) == pytest.approx(1)
            rest = client.post("/predict/batch", json={"rows": life.requests()[1:]}).json()["predictions"]
            said = [answer["prediction"], *(one["prediction"] for one in rest)]
            assert 202 == client.post("/outcomes", json={"outcomes": life.outcomes()}).status_code
            refused = client.post("/outcomes", json={"outcomes": [{"id": 1, "y_true": None}]})
            assert (422, "y_true") == (refused.status_code, refused.json()["errors"][0]["field"].rpartition(".")[2])
            told = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]
            assert "probabilities" in told["schema"]["properties"]
        window = life.window()
        from sklearn.metrics import f1_score

        assert window.performance is not None
        assert ("ok", SERVED) == (window.performance["status"], window.performance["n"])
        assert f1_score(life.later["y_true"], said, average="weighted") == pytest.approx(window.performance["value"])
        assert window.drift is not None
        assert window.drift["features"]["prediction"]["status"] in {"ok", "warning", "critical"}
        again = life.flows.features.fn(None, None)
        assert SERVED == again.new


def test_a_model_of_a_number_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lived(
        tmp_path,
        CARS,
        CAR_FILES,
        3000,
        monkeypatch,
        training="{algorithm: lightgbm.regressor, params: {n_estimators: 60}, seed: 7}",
        gates="""\
  - {id: quality, metric: r2, min: 0.5}
  - {id: useful, metric: rmse, versus: baseline}
  - {id: champion, metric: mae, versus: champion, first: baseline}
""",
        performance="{metric: mae, min_labels: 100}",
        alert="performance.mae > 100000",
    ) as life:
        version = life.train()
        assert ("regression", {"mae", "mape", "r2", "rmse"}) == (version.manifest["task"], set(version.manifest["metrics"]))
        with life.served() as client:
            said = [one["prediction"] for one in client.post("/predict/batch", json={"rows": life.requests()}).json()["predictions"]]
            assert {float} == {type(value) for value in said}
            assert 202 == client.post("/outcomes", json={"outcomes": life.outcomes()}).status_code
        window = life.window()
        assert window.performance is not None
        assert float((life.later["y_true"] - said).abs().mean()) == pytest.approx(window.performance["value"])
        assert life.flows.features.fn(None, None).new == SERVED


def test_a_model_of_quantiles_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lived(
        tmp_path,
        CARS,
        CAR_FILES,
        3000,
        monkeypatch,
        training="{algorithm: lightgbm.quantile, params: {n_estimators: 60, quantiles: [0.1, 0.5, 0.9]}, seed: 7}",
        gates="""\
  - {id: quality, metric: coverage_error, max: 0.15}
  - {id: useful, metric: pinball_loss, versus: baseline}
""",
        performance="{metric: coverage, min_labels: 100}",
        alert="performance.coverage < 0.1",
    ) as life:
        version = life.train()
        assert ("quantile", [0.1, 0.5, 0.9]) == (version.manifest["task"], version.manifest["quantiles"])
        with life.served() as client:
            said = [one["prediction"] for one in client.post("/predict/batch", json={"rows": life.requests()}).json()["predictions"]]
            assert all(["0.1", "0.5", "0.9"] == list(one) and one["0.1"] <= one["0.5"] <= one["0.9"] for one in said)
            assert 202 == client.post("/outcomes", json={"outcomes": life.outcomes()}).status_code
        window = life.window()
        inside = [one["0.1"] <= true <= one["0.9"] for one, true in zip(said, life.later["y_true"], strict=True)]
        assert window.performance is not None
        assert sum(inside) / SERVED == pytest.approx(window.performance["value"])
