"""Features in a notebook: as they were known at each row's moment, whatever the rows look like."""

import math
import re
import subprocess
import sys

import pandas as pd
import pytest

import headrace
from headrace.diagnostics import HeadraceError

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
columns: {household: {type: int64}, at: {type: timestamp}, paid: {type: float}, department: {type: category}}
---
kind: source
name: asked
uri: asked.csv
columns: {household: {type: int64}, asked_at: {type: timestamp}, lapsed: {type: int64}}
---
kind: feature_view
name: basket
from: source/purchases
entity: household
time: at
features:
  spend: {sum: paid, over: 7d, empty: 0}
  department: {last: department}
---
kind: model
name: lapse
features: {entity: household, time: asked_at, target: {column: lapsed, delay: 30d}, rows: source/asked, use: {basket: all}}
training: {algorithm: lightgbm.classifier}
gates: [{id: quality, metric: roc_auc, min: 0.4}]
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS, encoding="utf-8")
    (tmp_path / "purchases.csv").write_text(
        "household,at,paid,department\n1,2024-01-01,10,DELI\n1,2024-01-05,5,MEAT\n2,2024-01-03,7,\n", encoding="utf-8"
    )
    subprocess.run([sys.executable, "-m", "headrace", "compile", "--root", str(tmp_path)], check=True, capture_output=True)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    return tmp_path


@pytest.mark.usefixtures("root")
def test_a_row_sees_what_was_known_at_its_moment():
    rows = pd.DataFrame(
        {"household": [1, 1, 2, 9], "at": ["2024-01-04", "2024-01-06", "2024-01-03T02:00:00+02:00", "2024-01-06"]}, index=list("wxyz")
    )
    found = headrace.historical_features(rows, "feature_view/basket")
    assert list("wxyz") == list(found.index)
    assert [10.0, 15.0, 7.0, 0.0] == found["spend"].tolist()
    assert ["DELI", "MEAT", None, None] == found["department"].tolist()


@pytest.mark.usefixtures("root")
def test_columns_and_features_are_named():
    rows = pd.DataFrame({"who": ["1"], "when": [pd.Timestamp("2024-01-20")]})
    found = headrace.historical_features(rows, "basket", features=["spend"], entity="who", time="when")
    assert {"spend": [0.0]} == found.to_dict("list")


@pytest.mark.usefixtures("root")
def test_no_row_is_no_feature():
    found = headrace.historical_features(pd.DataFrame({"household": [], "at": []}), "basket")
    assert (0, ["department", "spend"]) == (len(found), sorted(found.columns))


@pytest.mark.parametrize(
    ("rows", "named", "message", "help_"),
    [
        ({"household": [1], "at": ["2024-01-04"]}, {"view": "bascet"}, "no feature_view/bascet", "there are: basket"),
        ({"household": [1], "at": ["2024-01-04"]}, {"features": ["spent"]}, "no feature `spent`", "it has: department, spend"),
        ({"household": [1]}, {}, "no column `at`", "it is `time=` that names it; the rows have: household"),
        ({"household": [1, math.nan], "at": ["2024-01-04", "2024-01-04"]}, {}, "`household` has no value", r"rows.index\[1\]"),
        ({"household": [1, 2], "at": ["2024-01-04", "soon"]}, {}, "in 1 of 2 rows", r"rows.index\[1\]"),
    ],
)
@pytest.mark.usefixtures("root")
def test_what_cannot_be_asked_is_told_in_the_words_of_the_rows(rows, named, message, help_):
    with pytest.raises(HeadraceError, match=message) as caught:
        headrace.historical_features(pd.DataFrame(rows), **{"view": "basket", **named})
    assert re.search(help_, "\n".join(caught.value.__notes__))  # what a traceback shows beside the message
