"""A version of a view that a model is pinned to: written, trained and served by, and left alone by what the view becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlmodel import delete

from headrace.cli import main
from headrace.cli.place import load_project, open_workspace
from headrace.compiler.sources import source_config
from headrace.compiler.views import view_config
from headrace.features import Origins, joined, online, versions
from headrace.plan.fields import plain, written
from headrace.spec import FeatureView, Source
from headrace.store import clock
from headrace.store.columns import new_id
from headrace.store.tables import Resource

START = datetime(2024, 1, 1, tzinfo=UTC)
SPECS = """\
kind: project
name: shop
language: 1
---
kind: source
name: sales
uri: FILE
columns: {household: {type: int64, personal: true}, at: {type: timestamp}, paid: {type: float}}
---
kind: source
name: asked
uri: asked.parquet
columns: {household: {type: int64}, asked_at: {type: timestamp}, lapsed: {type: int64}}
---
kind: feature_view
name: basket
from: source/sales
entity: household
time: at
online: {fresh_within: 2d}
features: {FEATURES}
---
kind: model
name: lapse
features:
  entity: household
  time: asked_at
  target: {column: lapsed, delay: 30d}
  rows: source/asked
  use: {USE: all}
training: {algorithm: lightgbm.classifier}
gates: [{id: quality, metric: roc_auc, min: 0.4}]
"""
WEEK = "{spend: {sum: paid, over: 7d, empty: 0, range: [0, 9]}, trips: {count: rows, over: 7d}}"
FORTNIGHT = "{spend: {sum: paid, over: 14d, empty: 0, range: [0, 9]}}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    at = [START + timedelta(days=day) for day in range(40)]
    pd.DataFrame({"household": [1, 2] * 20, "at": at, "paid": [float(day) for day in range(40)]}).to_parquet(tmp_path / "sales.parquet")
    asked = pd.DataFrame({"household": [1, 2, 3], "asked_at": [START + timedelta(days=day) for day in (19, 35, 35)], "lapsed": [0, 1, 0]})
    asked.to_parquet(tmp_path / "asked.parquet")
    return tmp_path


def says(root: Path, features: str, use: str = "basket", file: str = "sales.parquet") -> None:
    text = SPECS.replace("{FEATURES}", features).replace("USE", use).replace("FILE", file)
    (root / "specs" / "shop.yaml").write_text(text, encoding="utf-8")


def noted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The view is written down as an apply does it."""
    told(root, capsys, "compile")
    project = load_project(root)
    view = project.get(FeatureView, "feature_view/basket")
    source = project.get(Source, view.from_)
    with open_workspace(root) as workspace, workspace.store.transaction("user:test", "apply", "project shop") as session:
        definition = view_config(view, source).definition(source_config(source))
        versions.note(session, "basket", definition, description="", actor="user:test", at=clock.wall())
        session.exec(delete(Resource))
        now = {"spec": plain(view), "applied": {"written": written(view)}, "fingerprint": "f", "serial": 1, "updated_at": clock.wall()}
        session.add(Resource(uid=new_id(), address="feature_view/basket", kind="feature_view", **now))


def told(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--root", str(root)])
    said = capsys.readouterr()
    assert code == end.value.code, said.out + said.err
    return said.out + said.err


@pytest.fixture
def pinned(root: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The view was of a week, is of a fortnight, and the model stays with the week."""
    for features in (WEEK, FORTNIGHT):
        says(root, features)
        noted(root, capsys)
    told(root, capsys, "features", "pin", "basket@1")
    says(root, FORTNIGHT, "basket@1")
    told(root, capsys, "compile")
    return root


def known(root: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What training and a server know of the same entities at the same moments."""
    with open_workspace(root) as workspace:
        config = workspace.config
        origins = Origins(root, config.sources, workspace.plugins.readers)
        names = sorted(config.views["basket@1"].features)
        asked = pd.read_parquet(root / "asked.parquet")
        spine = pd.DataFrame({"household": asked["household"].astype(str), "at": asked["asked_at"]})
        offline = joined(origins, config.views, wanted={"basket@1": names}, spine=spine)
        definition = online.definition_of(origins, config.views, "basket@1")
        with online.Events.open(definition, root, config.online) as events:
            plan = online.plan(definition, names)
            known_then = [events.read(plan, who, at.to_pydatetime()) for who, at in spine.itertuples(index=False)]
            read = [item.values for item in known_then]  # noqa: PD011 - no frame
    return offline.to_dict("records"), read


def test_training_and_serving_go_by_the_version_that_was_applied(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "basket@1" in told(pinned, capsys, "features", "materialize")
    offline, read = known(pinned)
    sales = pd.read_parquet(pinned / "sales.parquet")
    expected = []
    for who, at in ((1, START + timedelta(days=19)), (2, START + timedelta(days=35)), (3, START + timedelta(days=35))):
        inside = sales[(sales.household == who) & (sales["at"] <= at) & (sales["at"] > at - timedelta(days=7))]
        expected.append({"spend": inside["paid"].sum(), "trips": float(len(inside))})
    assert expected == offline == read


def test_a_model_reads_all_that_its_version_had(pinned: Path) -> None:
    serving = json.loads((pinned / "flows" / "lapse.serving.json").read_text(encoding="utf-8"))
    assert [("spend", "basket@1"), ("trips", "basket@1")] == [(item["name"], item["view"]) for item in serving["inputs"]]
    assert [(0, 9), (None, None)] == [(item["low"], item["high"]) for item in serving["inputs"]]
    assert ["basket@1"] == [view for view, _ in serving["online"]]


def test_what_the_view_becomes_changes_nothing_that_is_compiled(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in (pinned / "flows").iterdir() if path.is_file()}
    says(pinned, "{spend: {max: paid, over: 3d}}", "basket@1")
    told(pinned, capsys, "compile")
    assert before == {path.name: path.read_bytes() for path in (pinned / "flows").iterdir() if path.is_file()}


def test_a_source_that_moved_is_written_beside_the_version(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(root, WEEK)
    noted(root, capsys)
    (root / "moved.parquet").write_bytes((root / "sales.parquet").read_bytes())
    says(root, FORTNIGHT, file="moved.parquet")
    noted(root, capsys)
    told(root, capsys, "features", "pin", "basket@1")
    says(root, FORTNIGHT, "basket@1", "moved.parquet")
    told(root, capsys, "compile")
    told(root, capsys, "features", "materialize")
    with open_workspace(root) as workspace:
        own = workspace.config.sources["sales-of-basket-1"]
        assert ("sales.parquet", ("household",)) == (own.uri, own.personal)
        assert "moved.parquet" == workspace.config.sources["sales"].uri
    offline, read = known(root)
    assert [3.0, 4.0, 0.0] == [item["trips"] for item in offline]
    assert offline == read


def test_a_version_that_does_not_stand_among_the_specs_is_told_before_any_store_is_opened(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    says(root, WEEK, "basket@3")
    said = told(root, capsys, "validate", code=3)
    assert "type `headrace features pin basket@3`, which writes it; `headrace features history basket` lists them" in said
    assert not (root / ".headrace" / "state.db").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("over: 1w", "over: 3w", "feature_view/basket@1 is not what was recorded as basket@1"),
        (
            "name: basket@1",
            "name: basket@9",
            "feature_view/basket has no version 9 here, and none that says the same: there is basket@1 to basket@2",
        ),
    ],
)
def test_a_version_that_is_none_is_told_by_the_plan(
    pinned: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    path = pinned / "specs" / "basket@1.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new).replace("over: 1w", "over: 2d" if "9" in new else "over: 1w"))
    if "9" in new:
        says(pinned, FORTNIGHT, "basket@9")
    found = told(pinned, capsys, "plan", code=3)
    assert said in found
    assert "headrace features history basket" in found


def test_a_file_of_ones_own_is_not_written_over(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pinned / "specs" / "basket@1.yaml"
    told(pinned, capsys, "features", "pin", "basket@1")
    path.write_text("kind: feature_view\nname: basket@1\n", encoding="utf-8")
    assert "was not written by `headrace features pin`" in told(pinned, capsys, "features", "pin", "basket@1", code=4)
    assert "has no version 5" in told(pinned, capsys, "features", "pin", "basket@5", code=1)
    assert "names no version" in told(pinned, capsys, "features", "pin", "basket", code=64)


def test_a_number_of_another_environment_is_as_good_where_the_same_was_recorded(pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pinned / "specs" / "basket@1.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("name: basket@1", "name: basket@2"), encoding="utf-8")
    says(pinned, FORTNIGHT, "basket@2")
    assert "feature_view/basket@2 is not what was recorded as basket@2" in told(pinned, capsys, "plan", code=3)
    path.write_text(text.replace("name: basket@1", "name: basket@7"), encoding="utf-8")
    says(pinned, FORTNIGHT, "basket@7")
    told(pinned, capsys, "plan")
