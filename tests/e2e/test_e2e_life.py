"""One whole life of a model through a real Prefect server and worker, by the command line alone."""

from __future__ import annotations

import csv
import json
import math
import random
import sqlite3
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "local"))

from up_process import free_port, headrace, running, survivors, until

pytestmark = [pytest.mark.slow, pytest.mark.prefect, pytest.mark.timeout(600)]

LATER = 2500
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


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    chance = random.Random(3)
    (tmp_path / "data").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS.replace("PORT", str(free_port())), encoding="utf-8")
    later = [row(10_000 + i, 2016, chance) for i in range(LATER)]
    write(tmp_path / "data" / "visits.csv", [row(i, 2015, chance) for i in range(3000)])
    write(tmp_path / "data" / "later.csv", later, "bought")
    write(tmp_path / "data" / "answers.csv", later, "code", "region", "pages", "hour", "year")
    return tmp_path


def told(root: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of a command that must end well."""
    done = headrace(root, *arguments, "--json", timeout=500)
    assert 0 == done.returncode, f"{arguments}\n{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def predict(url: str) -> int:
    """Which version answers a request now."""
    body = json.dumps({"visit": 1, "code": "a", "region": "north", "pages": 5.0, "hour": 12.0}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        version: int = json.loads(answer.read())["version"]
        return version


def journal(root: Path) -> tuple[int, int, int]:
    """Requests in the journal, entities among them, answers."""
    with sqlite3.connect(f"file:{root}/.headrace/state.db?mode=ro", uri=True) as database:
        counts = database.execute("select count(*), count(distinct entity), (select count(*) from outcome) from prediction")
        found: tuple[int, int, int] = counts.fetchone()
    return found


def assert_lived(root: Path, summary: dict[str, Any]) -> None:
    happened = {"trainings": 2, "rejections": 0, "retrainings": 1, "promotions": 2, "rollbacks": 0, "alerts": 1, "alerts_injected": 1}
    assert happened == {name: summary["happened"][name] for name in happened}
    assert [
        "version 1 trained",
        "version 1 passed its gates",
        "version 1 promoted to champion",
        "alert degraded fired",
        "version 2 trained",
        "version 2 passed its gates",
        "canary of version 2 began",
        "version 2 promoted to champion",
        "alert degraded resolved",
    ] == [entry["text"] for entry in summary["timeline"] if not entry["text"].startswith("retraining requested")]
    assert [("degraded", "injected", ["recoded"])] == [(item["rule"], item["cause"], item["incidents"]) for item in summary["alerts"]]
    counts = summary["counts"]
    assert (LATER, {"train": 1, "roll_out": 1, "monitor": 2}) == (counts["requests"], counts["runs"])
    assert {"champion", "candidate"} == set(counts["journalled"])
    assert (LATER, LATER, counts["answers"]) == journal(root)
    assert all(item["met"] for item in summary["expectations"])
    assert summary == json.loads((root / ".headrace" / "reports" / "one-year.json").read_text(encoding="utf-8"))
    fired = [json.loads(line) for line in (root / ".headrace" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(fired) >= 1


def test_a_model_lives_from_its_first_version_to_a_rollback(root: Path) -> None:
    with running(root) as up:
        up.has("prefect-server", "prefect-worker")
        assert [] == told(root, "apply", "--no-train")["runs"]
        assert told(root, "plan")["empty"]
        children = up.has("serve-buys", "prefect-server", "prefect-worker")
        assert_lived(root, told(root, "replay", "one-year"))

        model = told(root, "status")["models"][0]
        assert ({"champion": 2, "previous": 1}, "active", [], []) == (
            model["aliases"],
            model["rollout"]["state"],
            model["firing"],
            model["unanswered"],
        )
        url = up.told()["servers"]["buys"]
        assert 2 == predict(url)
        assert {"model": "buys", "champion": 1, "was": 2, "canary": None} == told(root, "rollback", "--reason", "complaints")
        until(lambda: predict(url) == 1, 5, "version 1 answers again")

        assert children == up.told()["children"], "no child had to be started again"
        assert 0 == up.interrupt(), up.said()
        assert [] == survivors(root, [up.process.pid, *children.values()])
        assert {} == up.told()
