"""The definitions of a view over time, and values kept under one, by the command line."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from headrace.cli import main
from headrace.cli.place import open_workspace
from headrace.features import versions
from headrace.store import clock

SPECS = """\
kind: project
name: shop
language: 1
---
kind: environment
name: dev
---
kind: source
name: purchases
uri: purchases.csv
columns: {household: {type: int64}, at: {type: timestamp}, paid: {type: float}}
---
kind: source
name: asked
uri: asked.csv
columns: {household: {type: int64}, asked_at: {type: timestamp}, lapsed: {type: int64}}
---
kind: feature_view
name: basket
description: what is bought
from: source/purchases
entity: household
time: at
features: {spend: {sum: paid, over: DAYS, empty: 0}}
---
kind: model
name: lapse
features:
  entity: household
  time: asked_at
  target: {column: lapsed, delay: 30d}
  rows: source/asked
  use: {basket: all}
training: {algorithm: lightgbm.classifier}
gates: [{id: quality, metric: roc_auc, min: 0.4}]
"""


def headrace(root, *arguments, code=0):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main([*arguments, "--root", str(root)])
    assert code == end.value.code, out.getvalue() + err.getvalue()
    return out.getvalue() if code == 0 else out.getvalue() + err.getvalue()


def told(root, *arguments):
    return json.loads(headrace(root, *arguments, "--json"))


def applied(root: Path, days: str, served: str = "") -> None:
    """The specs with this window, and how the view is served."""
    (root / "specs" / "shop.yaml").write_text(SPECS.replace("DAYS", days).replace("time: at\n", f"time: at\n{served}"), encoding="utf-8")
    noted(root)


def noted(root: Path) -> None:
    """The view's definition as it stands in the specs, written down as an apply does it."""
    headrace(root, "compile")
    with open_workspace(root) as workspace, workspace.store.transaction("user:test", "apply", "project shop") as session:
        view = workspace.config.views["basket"]
        definition = view.definition(workspace.config.sources[view.source])
        versions.note(session, "basket", definition, description="what is bought", actor="user:test", at=clock.wall())


@pytest.fixture
def root(tmp_path):
    (tmp_path / "specs").mkdir()
    at = pd.date_range("2024-01-01", periods=40, freq="D")
    pd.DataFrame({"household": [1, 2] * 20, "at": at, "paid": range(40)}).to_csv(tmp_path / "purchases.csv", index=False)
    asked = pd.DataFrame({"household": [1, 2, 3], "asked_at": ["2024-01-20", "2024-02-05", "2024-02-05"], "lapsed": [0, 1, 0]})
    asked.to_csv(tmp_path / "asked.csv", index=False)
    applied(tmp_path, "7d")
    return tmp_path


def test_each_definition_that_was_applied_is_listed(root):
    applied(root, "7d")
    applied(root, "14d")
    applied(root, "7d")
    found = told(root, "features", "history", "feature_view/basket")["versions"]
    windows = [item["definition"]["view"]["features"]["spend"]["over_seconds"] for item in found]
    assert ([1, 2, 3], [7 * 86400, 14 * 86400, 7 * 86400]) == ([item["version"] for item in found], windows)
    assert found[0]["digest"] == found[2]["digest"] != found[1]["digest"]
    assert ["basket@1", "basket@2", "basket@3"] == [
        line.split()[0] for line in headrace(root, "features", "history", "basket").splitlines()[1:]
    ]


def test_how_a_view_is_served_is_no_part_of_its_definition(root):
    applied(root, "7d", "online: {fresh_within: 1h}\n")
    assert [1] == [item["version"] for item in told(root, "features", "history", "basket")["versions"]]


def test_who_may_see_a_column_is_no_part_of_a_definition(root):
    """What is personal hides values in messages; no value of a feature is another by it."""
    specs = root / "specs" / "shop.yaml"
    text = specs.read_text(encoding="utf-8").replace("household: {type: int64}", "household: {type: int64, personal: true}")
    specs.write_text(text, encoding="utf-8")
    noted(root)
    assert [1] == [item["version"] for item in told(root, "features", "history", "basket")["versions"]]


def test_an_old_version_is_computed_by_its_own_definition(root):
    applied(root, "14d")
    week, fortnight = (told(root, "features", "save", f"basket@{n}", "--rows", "source/asked", "--time", "asked_at") for n in (1, 2))
    out = root / "out.parquet"
    for saved, window in ((week, 7), (fortnight, 14)):
        told(root, "features", "get", f"basket@{saved['version']}", "--out", str(out))
        bought = pd.read_csv(root / "purchases.csv", parse_dates=["at"])
        rows = [(1, "2024-01-20"), (2, "2024-02-05"), (3, "2024-02-05")]
        inside = [
            bought[(bought.household == who) & (bought["at"] <= when) & (bought["at"] > pd.Timestamp(when) - pd.Timedelta(days=window))]
            for who, when in rows
        ]
        assert [part["paid"].sum() for part in inside] == pq.read_table(out)["spend"].to_pylist()


def test_what_was_kept_stays_when_the_source_changes(root):
    first = told(root, "features", "save", "basket", "--rows", "asked", "--time", "asked_at")
    (root / "purchases.csv").write_text("household,at,paid\n1,2024-01-15,1000\n", encoding="utf-8")
    second = told(root, "features", "save", "basket", "--rows", "asked", "--time", "asked_at")
    out = root / "out.parquet"
    found = [told(root, "features", "get", "basket@1", "--kept", str(n), "--out", str(out))["digest"] for n in (1, 2)]
    assert [first["digest"], second["digest"]] == found
    assert 2 == len(set(found))
    assert second["digest"] == told(root, "features", "get", "basket", "--out", str(out))["digest"]
    assert "wrote 3 rows of basket@1, 2" in headrace(root, "features", "get", "basket", "--out", str(out))
    assert "kept 3 rows as basket@1, 3: sha256:" in headrace(root, "features", "save", "basket", "--rows", "asked", "--time", "asked_at")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("history", "person"), 1, "unknown-view-version"),
        (("save", "basket@9", "--rows", "asked"), 1, "unknown-view-version"),
        (("save", "basket@x", "--rows", "asked"), 64, "is no version such as basket@3"),
        (("save", "basket", "--rows", "asks"), 3, "unknown-source"),
        (("save", "basket", "--rows", "asked"), 3, "missing-column"),
        (("get", "basket", "--out", "out.parquet"), 1, "nothing-kept"),
        (("get", "basket", "--kept", "4", "--out", "out.parquet"), 1, "nothing numbered 4 was kept"),
    ],
)
def test_what_there_is_not_is_told(root, arguments, code, said):
    assert said in headrace(root, "features", *arguments, code=code)


def test_a_file_that_cannot_be_written_is_told(root):
    headrace(root, "features", "save", "basket", "--rows", "asked", "--time", "asked_at")
    assert "Could not open file" in headrace(root, "features", "get", "basket", "--out", str(root / "no" / "out.parquet"), code=1)
