"""Aggregates by segment: one feature a declared value, the rest where it is asked for, and nothing that only data say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import project as projects
from headrace.cli import main
from headrace.compiler.sources import source_config
from headrace.compiler.views import view_config
from headrace.diagnostics import Report
from headrace.features import Origins, joined
from headrace.hooks import load_plugins
from headrace.spec import FeatureView, Source

READERS = load_plugins(None, Report(), allow=[]).readers
SPECS = """\
kind: project
name: shop
language: 1
---
kind: source
name: sales
uri: sales.parquet
columns: {household: {type: int64}, amount: {type: float}, department: {type: category}, at: {type: timestamp}}
checks: [{id: departments, column: department, mode: warn, values: [DELI, MEAT, "IT'S"]}]
---
kind: feature_view
name: basket
from: source/sales
entity: household
time: at
features:
  spend: {sum: amount, over: 28d, where: "amount > 0", by: department, segments: [DELI, MEAT], other: true, empty: 0}
  trips: {count: rows, over: 28d, by: department}
  all: {sum: amount, over: 28d, where: "amount > 0", empty: 0}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "all.yaml").write_text(SPECS, encoding="utf-8")
    return tmp_path


def project(root: Path) -> projects.Project:
    report = Report()
    found = projects.load(root, report)
    assert found is not None, [item.message for item in report]
    return found


bought = st.lists(st.tuples(st.sampled_from(["DELI", "MEAT", "IT'S", "FISH", None]), st.integers(-4, 8)), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(bought)
def test_a_segment_holds_what_its_rows_hold(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str | None, int]]) -> None:
    root = tmp_path_factory.mktemp("shop")
    (root / "specs").mkdir()
    (root / "specs" / "all.yaml").write_text(SPECS, encoding="utf-8")
    rows = [*found, ("MEAT", 1), ("DELI", -1)]
    at = pd.to_datetime(["2024-01-01"] * len(rows), utc=True)
    held = pd.DataFrame({"household": 1, "amount": [float(a) for _, a in rows], "department": [d for d, _ in rows], "at": at})
    held.to_parquet(root / "sales.parquet")
    known = project(root)
    view, source = known.get(FeatureView, "feature_view/basket"), known.get(Source, "source/sales")
    config = view_config(view, source)
    origins = Origins(root, {"sales": source_config(source)}, READERS)
    spine = pd.DataFrame({"e": ["1"], "t": pd.to_datetime(["2024-01-02"], utc=True)})
    (told,) = joined(origins, {"b": config}, wanted={"b": list(config.features)}, spine=spine).to_dict("records")

    def spent(of: Any) -> float:
        return float(sum(amount for department, amount in rows if amount > 0 and of(department)))

    expected = {"spend_DELI": spent(lambda department: department == "DELI"), "spend_MEAT": spent(lambda department: department == "MEAT")}
    expected["spend_other"] = spent(lambda department: department in ("IT'S", "FISH"))
    expected |= {f"trips_{word}": float(sum(d == value for d, _ in rows)) for word, value in (("DELI", "DELI"), ("MEAT", "MEAT"))}
    expected |= {"trips_IT_S": float(sum(d == "IT'S" for d, _ in rows)), "all": spent(lambda _: True)}
    assert expected == told


def test_what_it_is_short_for_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", "feature_view/basket", "--root", str(root)])
    said = capsys.readouterr().out
    for line in (
        "spend_DELI:",
        "where: (amount > 0) and department == 'DELI'",
        "where: (amount > 0) and not department == 'DELI' and not department == 'MEAT'",
        "trips_IT_S:",
        "where: department == 'IT\\'S' # specs/all.yaml:18",
    ):
        assert line in " ".join(said.split()), said
    with pytest.raises(SystemExit):
        main(["show", "feature_view/basket", "--json", "--root", str(root)])
    features = json.loads(capsys.readouterr().out)["spec"]["features"]
    assert ["spend_DELI", "spend_MEAT", "spend_other", "trips_DELI", "trips_MEAT", "trips_IT_S", "all"] == list(features)
    assert all("by" not in feature or feature["by"] is None for feature in features.values())


def test_more_segments_than_anyone_means_are_refused(root: Path) -> None:
    many = ", ".join(f"d{number}" for number in range(101))
    text = SPECS.replace("segments: [DELI, MEAT]", f"segments: [{many}]").replace('values: [DELI, MEAT, "IT\'S"]', f"values: [{many}]")
    (root / "specs" / "all.yaml").write_text(text, encoding="utf-8")
    report = Report()
    assert projects.load(root, report) is None
    assert "feature `spend` has 101 segments, and at most 100 are made" in [item.message for item in report]
