"""Training rows with features that a view computes: as of each row's time, whatever the file is and whichever plan fits."""

from __future__ import annotations

import importlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import HeadraceError
from headrace.features import Category, Number, RandomSplit, Target, joined, training_rows
from headrace.features.engine import Origins
from headrace.features.sql import values
from headrace.store import Store

joining = importlib.import_module("headrace.features.joined")
"""The module, which the package has a function of the name of."""
START = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = {"shop": "int64", "at": "timestamp", "amount": "float", "kind": "category"}
FEATURE = {"over_seconds": None, "where": None, "empty": None, "expires_seconds": None, "type": "number"}
VIEW = ViewConfig.model_validate(
    {
        "source": "sales",
        "entity": "shop",
        "time": "at",
        "available_at": None,
        "available_after_seconds": 0,
        "late_seconds": None,
        "window_edges": "(t-w, t]",
        "tie_break": (),
        "features": {
            "sold": {**FEATURE, "kind": "sum", "of": "amount", "over_seconds": 7 * 86400, "empty": 0},
            "last_kind": {**FEATURE, "kind": "last", "of": "kind", "type": "category"},
            "twice": {**FEATURE, "kind": "expression", "of": "sold * 2"},
        },
    }
)


def source(uri: str) -> SourceConfig:
    columns = {name: {"from": name.upper(), "type": kind} for name, kind in TYPES.items()}
    return SourceConfig.model_validate({"uri": uri, "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": ()})


@pytest.fixture
def sales() -> pd.DataFrame:
    """Two shops: 1 sells for 1, 2, 3 … a day from the first of January on; 2 sold once, for nothing that is known."""
    days = pd.date_range(START, periods=20, freq="D")
    one = pd.DataFrame({"SHOP": 1, "AT": days, "AMOUNT": np.arange(1.0, 21.0), "KIND": ["a", "b"] * 10})
    return pd.concat([one, pd.DataFrame({"SHOP": [2], "AT": [days[0]], "AMOUNT": [np.nan], "KIND": [None]})], ignore_index=True)


def spine(*lines: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"shop": [shop for shop, _ in lines], "asked": pd.to_datetime([START + timedelta(days=day) for _, day in lines], utc=True)}
    )


def ask(root: Path, readers: Any, uri: str, view: ViewConfig = VIEW, **spines: Any) -> pd.DataFrame:
    lines = spines.get("lines", spine(("1", 10.0), ("1", 9.99), ("2", 1.0), ("3", 5.0), ("1", -1.0), ("x", 3.0)))
    return joined(Origins(root, {"sales": source(uri)}, readers), {"sales": view}, wanted={"sales": list(view.features)}, spine=lines)


@pytest.mark.parametrize("uri", ["sales.parquet", "sales.csv"])
def test_each_line_has_what_was_known_at_its_moment(tmp_path: Path, readers: Any, sales: pd.DataFrame, uri: str) -> None:
    sales.to_parquet(tmp_path / uri) if uri.endswith("parquet") else sales.to_csv(tmp_path / uri, index=False)
    found = ask(tmp_path, readers, uri)
    assert [5 + 6 + 7 + 8 + 9 + 10 + 11, 4 + 5 + 6 + 7 + 8 + 9 + 10, 0, 0, 0, 0] == found["sold"].tolist()
    assert ["a", "b", None, None, None, None] == [value if isinstance(value, str) else None for value in found["last_kind"]]
    assert (found["sold"] * 2).tolist() == found["twice"].tolist()


def test_text_entities_are_joined_as_text(tmp_path: Path, readers: Any, sales: pd.DataFrame) -> None:
    sales["SHOP"] = sales["SHOP"].map({1: "one", 2: "two"})
    sales.to_parquet(tmp_path / "sales.parquet")
    declared = source("sales.parquet").model_dump(by_alias=True)
    declared["columns"]["shop"]["type"] = "category"
    origins = Origins(tmp_path, {"sales": SourceConfig.model_validate(declared)}, readers)
    found = joined(origins, {"sales": VIEW}, wanted={"sales": ["sold"]}, spine=spine(("one", 0.0), ("two", 0.0)))
    assert [1.0, 0.0] == found["sold"].tolist()


def test_a_file_that_holds_an_infinite_number_is_refused_as_ever(tmp_path: Path, readers: Any, sales: pd.DataFrame) -> None:
    sales.loc[3, "AMOUNT"] = np.inf
    sales.to_parquet(tmp_path / "sales.parquet")
    with pytest.raises(HeadraceError, match="is no longer float: row 4 holds `inf`"):
        ask(tmp_path, readers, "sales.parquet")


def test_a_column_that_became_text_is_refused_as_ever(tmp_path: Path, readers: Any, sales: pd.DataFrame) -> None:
    sales.astype({"AMOUNT": str}).assign(AMOUNT="much").to_parquet(tmp_path / "sales.parquet")
    with pytest.raises(HeadraceError, match="is no longer float"):
        ask(tmp_path, readers, "sales.parquet")


def test_a_file_that_is_none_is_said(tmp_path: Path, readers: Any) -> None:
    (tmp_path / "sales.parquet").write_bytes(b"PAR1")
    with pytest.raises(HeadraceError, match="source/sales cannot be read as parquet"):
        ask(tmp_path, readers, "sales.parquet")


def test_a_view_that_was_not_compiled_is_named(tmp_path: Path, readers: Any) -> None:
    with pytest.raises(HeadraceError, match=r"\[unknown-view\]: there is no feature_view/sales in flows"):
        joined(Origins(tmp_path, {}, readers), {}, wanted={"sales": ["sold"]}, spine=spine(("1", 0.0)))


def test_a_sum_that_no_number_holds_is_said(tmp_path: Path, readers: Any) -> None:
    whole = pd.DataFrame({"SHOP": [1, 1], "AT": pd.to_datetime([START, START]), "AMOUNT": [1e308, 1e308], "KIND": ["a", "a"]})
    whole.to_parquet(tmp_path / "sales.parquet")
    with pytest.raises(
        HeadraceError, match=r"\[features-failed\]: feature_view/sales: `sold` of 1 at 2020-01-02 00:00 is beyond what a number holds"
    ):
        ask(tmp_path, readers, "sales.parquet", lines=spine(("1", 1.0)))


@pytest.mark.parametrize(("shops", "plan"), [(1, "window"), (4, "join"), (400, "join")])
def test_the_plan_follows_from_the_pairs_and_changes_no_value(
    tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch, shops: int, plan: str
) -> None:
    chosen: list[str] = []

    def heard(*given: Any, **named: Any) -> str:
        chosen.append(named["plan"])
        return values(*given, **named)

    monkeypatch.setattr(joining, "values", heard)
    count = 4000
    rng = np.random.default_rng(3)
    at = pd.to_datetime(START) + pd.to_timedelta(rng.integers(0, 20 * 86400, count), unit="s")
    kinds = rng.choice(["a", "b"], count)
    pd.DataFrame(
        {"SHOP": rng.integers(0, shops, count), "AT": at, "AMOUNT": rng.integers(0, 9, count).astype(float), "KIND": kinds}
    ).to_parquet(tmp_path / "sales.parquet")
    lines = spine(*((str(rng.integers(0, shops)), float(rng.uniform(0, 20))) for _ in range(300)))
    found = ask(tmp_path, readers, "sales.parquet", lines=lines)
    assert [plan] == chosen
    held = pd.read_parquet(tmp_path / "sales.parquet")
    for (shop, moment), value in zip(lines.itertuples(index=False, name=None), found["sold"], strict=True):
        age = moment - held["AT"]
        near = (held["SHOP"] == int(shop)) & (age >= timedelta(0)) & (age < timedelta(days=7))
        assert value == held.loc[near, "AMOUNT"].sum()


def test_a_model_is_trained_on_what_its_views_compute(
    tmp_path: Path, store: Store, readers: Any, people: pd.DataFrame, source: Any
) -> None:
    """The rows' own columns as they stand; those of a view as of the row's time; both by their names in the blob."""
    people.to_parquet(tmp_path / "people.pq")
    events = pd.DataFrame({"SHOP": np.arange(200), "AT": people["seen"] - timedelta(days=1), "AMOUNT": 2.0, "KIND": "b"})
    events.to_parquet(tmp_path / "sales.parquet")
    columns = {name: {"from": name.upper(), "type": kind} for name, kind in TYPES.items()}
    sold = SourceConfig.model_validate(
        {"uri": "sales.parquet", "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": ()}
    )
    told: dict[str, Any] = {
        "root": tmp_path,
        "sources": {"people": source, "sales": sold},
        "views": {"sales": VIEW},
        "model": "churn",
        "run_id": "r1",
        "source": "people",
        "entity": "id",
        "time": "seen",
        "target": Target("left", timedelta(days=10)),
        "inputs": [Number("age", column="age"), Number("sold", view="sales"), Category("last_kind", view="sales")],
        "split": RandomSplit(0.25),
        "seed": 7,
    }
    rows = training_rows(store, readers, **told)
    frame = pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))
    assert (200, {2.0}, {"b"}) == (len(frame), set(frame["sold"]), set(frame["last_kind"]))
    again = training_rows(store, readers, **told)
    wider = VIEW.model_copy(update={"available_after_seconds": 2 * 86400})
    late = training_rows(store, readers, **{**told, "views": {"sales": wider}})
    frame = pd.read_parquet(io.BytesIO(store.blobs.get(late.digest)))
    assert (rows.digest, rows.spec) == (again.digest, again.spec)
    assert rows.spec != late.spec
    assert ({0.0}, 0) == (set(frame["sold"]), frame["last_kind"].notna().sum())


@pytest.mark.parametrize("pairs", [0, float("inf")], ids=["window", "join"])
def test_a_window_that_reaches_over_1970_holds_what_lies_before(
    tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch, pairs: float
) -> None:
    monkeypatch.setattr(joining, "PAIRS", pairs)
    days = np.arange(-30, 30)
    at = pd.to_datetime(days, unit="D", utc=True)
    pd.DataFrame({"SHOP": 1, "AT": at, "AMOUNT": 2.0 ** (days % 32), "KIND": "a"}).to_parquet(tmp_path / "sales.parquet")
    asked = pd.DataFrame({"shop": "1", "asked": at})
    found = ask(tmp_path, readers, "sales.parquet", lines=asked)
    expected = [sum(2.0 ** (day % 32) for day in range(max(today - 6, -30), today + 1)) for today in days.tolist()]
    assert expected == found["sold"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [0, float("inf")], ids=["window", "join"])
def test_a_set_larger_than_the_memory_is_spilled_and_finished(
    tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch, pairs: float
) -> None:
    """Without a folder to spill to, the engine gives up on it."""
    last = VIEW.features["last_kind"].model_copy(update={"expires_seconds": 7 * 86400})
    view = VIEW.model_copy(update={"features": {"sold": VIEW.features["sold"], "last_kind": last}})
    monkeypatch.setattr(joining, "PAIRS", pairs)
    monkeypatch.setattr(importlib.import_module("headrace.features.engine"), "MEMORY", "100MB")
    count = 400_000
    at = pd.to_datetime(START) + pd.to_timedelta(np.arange(count) % 86400, unit="s")
    whole = pd.DataFrame({"SHOP": np.arange(count) // 4, "AT": at, "AMOUNT": 1.0, "KIND": [f"kind {i:060}" for i in range(count)]})
    whole.to_parquet(tmp_path / "sales.parquet")
    lines = pd.DataFrame({"shop": (np.arange(count) // 4).astype(str), "asked": pd.to_datetime(START) + pd.to_timedelta(2, unit="D")})
    found = ask(tmp_path, readers, "sales.parquet", view, lines=lines)
    assert [4.0] == found["sold"].unique().tolist()
    assert f"kind {3:060}" == found["last_kind"].iloc[0]
