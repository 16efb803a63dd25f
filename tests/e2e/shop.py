"""The shop of test_e2e_life.py as a compiled project, whose generated steps a test calls as their flows would."""

from __future__ import annotations

import csv
import importlib.util
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace import project as projects
from headrace.compiled import read_serving, read_workspace
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.gates import Verdict
from headrace.retraining import Decision
from headrace.rollout import Progress
from headrace.store import Store, clock

MODEL = "buys"
HOLDER = "user:test"
START = datetime(2016, 1, 1, tzinfo=UTC)
SPECS = """\
kind: project
name: shop
language: 1
---
kind: environment
name: dev
store: sqlite:///.headrace/state.db
blobs: .headrace/blobs
---
kind: channel
name: told
type: log
params: {path: .headrace/alerts.jsonl}
---
kind: source
name: visits
uri: data/visits.csv
columns:
  visit:  {type: int64}
  code:   {type: category}
  region: {type: category}
  pages:  {type: float}
  hour:   {type: float}
  bought: {type: int64}
  year:   {type: int64}
arrival: {time: seen, spread: year, order: random, seed: 7}
---
kind: source
name: later
uri: data/later.csv
columns:
  visit:  {type: int64}
  code:   {type: category}
  region: {type: category}
  pages:  {type: float}
  hour:   {type: float}
  year:   {type: int64}
---
kind: source
name: answers
uri: data/answers.csv
columns:
  visit:  {type: int64}
  bought: {type: int64}
---
kind: feature_view
name: visit
from: source/visits
entity: visit
time: seen
features:
  code:   {column: code}
  region: {column: region}
  pages:  {column: pages}
  hour:   {column: hour, range: [0, 24]}
---
kind: model
name: buys
features:
  entity: visit
  time: seen
  target: {column: bought, delay: 1d}
  rows: source/visits
  use: {visit: all}
training:
  algorithm: lightgbm.classifier
  params: {n_estimators: 20}
gates:
  - {id: quality, metric: roc_auc, min: 0.6}
serving:
  traffic: 7/d
  port: PORT
rollout:
  strategy: canary
  unit: visit
  steps: [{weight: 50%, hold: 40d}]
  judge: [{metric: error_rate, negligible: 20%}]
  warmup: {requests: 5, for: 60s}
  no_data: {after: 60d, then: hold, deadline: 60d}
monitoring:
  window: {rows: 250}
  every: 150d
  drift: {features: all, method: psi}
  performance: {metric: roc_auc, estimate: none, min_labels: 100}
  alerts:
    - {id: degraded, when: "performance.roc_auc < 0.6", severity: critical, notify: [channel/told]}
retraining:
  - {id: degraded, when: alert.degraded, cooldown: 30d, needs: {new_labels: 200}}
---
kind: backtest
name: one-year
model: buys
replay: {source: source/later, labels: source/answers, from: 2016, to: 2017, spread: year, seed: 7}
disturb:
  - {id: recoded, from: 2016-02-06, to: 2016-05-26, columns: [code], map: {"a": "b", "b": "a"}}
expect: {retrainings: [1, 1], promotions: [2, 2], champion_min: 0.7}
"""


def row(number: int, year: int, chance: random.Random) -> dict[str, Any]:
    """A visit; `code` says most of whether it ends in a purchase."""
    code, pages = chance.choice("ab"), chance.uniform(1, 9)
    likely = 1 / (1 + math.exp(-(4.0 * (code == "a") - 2.0 + 0.2 * (pages - 5))))
    return {
        "visit": number,
        "code": code,
        "region": chance.choice(["north", "south", "west"]),
        "pages": round(pages, 3),
        "hour": round(chance.uniform(0, 24), 2),
        "bought": int(chance.random() < likely),
        "year": year,
    }


def write(path: Path, rows: list[dict[str, Any]], *without: str) -> None:
    names = [name for name in rows[0] if name not in without]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, names, extrasaction="ignore")
        out.writeheader()
        out.writerows(rows)


@dataclass
class Shop:
    """A project under its own clock; each method is one run of a flow, without the flow's announcement: that is Prefect's."""

    root: Path
    store: Store
    flows: ModuleType

    def train(self, cause: str | None = None) -> Verdict:
        found: Verdict = self.flows.gates.fn(self.flows.training.fn(self.flows.features.fn(None, cause)))
        return found

    def roll_out(self, cause: str | None = None) -> Progress:
        found: Progress = self.flows.rollout.fn(cause)
        return found

    def monitor(self, cause: str | None = None) -> Decision:
        found: Decision = self.flows.retraining.fn(self.flows.alerts.fn(self.flows.monitoring.fn(cause)))
        return found

    def drive(self, now: datetime) -> None:
        clock.drive(self.store, HOLDER, now)

    @contextmanager
    def served(self) -> Iterator[Any]:
        """A client of the model's server, which runs in this process."""
        from fastapi.testclient import TestClient

        from headrace.serving.application import app
        from headrace.serving.workspace import open_workspace

        config = read_serving(self.root, MODEL)
        with open_workspace(self.root / "flows" / "headrace.json", config) as workspace, TestClient(app(config, workspace)) as client:
            yield client

    @property
    def spool(self) -> Path:
        return self.root / read_workspace(self.root).spool / MODEL


@contextmanager
def shop(root: Path, specs: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The project of these specs, compiled in `root`, with the visits of 2015."""
    chance = random.Random(3)
    for folder in ("data", "specs", "flows"):
        (root / folder).mkdir(parents=True)
    (root / "specs" / "shop.yaml").write_text(specs, encoding="utf-8")
    write(root / "data" / "visits.csv", [row(i, 2015, chance) for i in range(1500)])
    report = Report()
    loaded = projects.load(root, report)
    assert loaded is not None, [fault.message for fault in report]
    for path, text in compile_project(loaded).items():
        (root / path).write_text(text, encoding="utf-8")
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(root))
    monkeypatch.chdir(root)
    config = read_workspace(root)
    with Store.open(config.store, config.blobs, root=root) as store:
        yield Shop(root, store, imported(root / "flows" / f"{MODEL}.py"))


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
