"""What a spec says of a source's rows is counted, shown and, where it blocks, ends a training."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.compiled import SourceConfig
from headrace.diagnostics import HeadraceError
from headrace.features import Checked, Origins, check, tell

NOW = datetime(2024, 1, 10, tzinfo=UTC)
COLUMNS = {"id": "int64", "age": "float", "sex": "category"}
PEOPLE = pd.DataFrame({"id": [1, 2, 3, 3], "age": [20.0, np.nan, 130.0, -1.0], "sex": ["F", "M", None, "X1"]})


def one(says: str, **given: Any) -> dict[str, Any]:
    empty = {"column": None, "low": None, "high": None, "values": (), "columns": (), "text": None, "mode": "warn"}
    return {**empty, "id": says, "says": says, **given}


def origins(root: Path, readers: Any, *checks: dict[str, Any], uri: str = "people.parquet") -> Origins:
    columns = {name: {"from": name, "type": kind} for name, kind in COLUMNS.items()}
    declared = {"uri": uri, "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": checks}
    return Origins(root, {"people": SourceConfig.model_validate(declared)}, readers)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    PEOPLE.to_parquet(tmp_path / "people.parquet")
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path


BROKEN = [
    (one("range", column="age", low=0, high=120), 2, "in 2 of 4 rows `age` is not between 0 and 120 (such as age=130.0; age=-1.0)"),
    (one("values", column="sex", values=("F", "M")), 1, "in 1 of 4 rows `sex` is none of F, M (such as sex=X1)"),
    (one("pattern", column="sex", text="[A-Z]"), 1, "in 1 of 4 rows `sex` is not `[A-Z]` (such as sex=X1)"),
    (one("missing", column="age", high=0.2), 1, "1 of 4 rows have no `age`, and at most 0.2 of all may (such as age=None)"),
    (one("unique", columns=("id",)), 1, "1 of 4 rows have the same `id` as another (such as id=3)"),
    (one("rows", low=5, high=10), 0, "there are 4 rows, and 5 to 10 are wanted"),
    (one("holds", text="age < 100 or sex == 'F'"), 0, ""),
    (one("holds", text="age >= 0 and id < 3"), 2, "2 of 4 rows break `age >= 0 and id < 3` (such as age=130.0, id=3; age=-1.0, id=3)"),
]


@pytest.mark.parametrize(("item", "broken", "said"), BROKEN, ids=[f"{item['says']}-{broken}" for item, broken, _ in BROKEN])
def test_what_does_not_hold_is_counted_and_shown(root: Path, readers: Any, item: Any, broken: int, said: str) -> None:
    (found,) = check(origins(root, readers, item), ["people"], at=NOW)
    if not said:  # a value that is missing breaks nothing
        assert (True, 0) == (found.passed, found.broken)
        return
    assert (False, broken, 4) == (found.passed, found.broken, found.rows)
    assert f"source/people, check `{item['id']}`: {said}" == tell(found)


def test_a_file_of_text_is_checked_alike(root: Path, readers: Any) -> None:
    items = [item for item, _, _ in BROKEN]
    told = [
        [tell(found) for found in check(origins(root, readers, *items, uri=f"people.{end}"), ["people"], at=NOW)]
        for end in ("parquet", "csv")
    ]
    assert told[0] == told[1]


HOLDING = [
    one("range", column="age", low=-1, high=130),
    one("values", column="sex", values=("F", "M", "X1")),
    one("pattern", column="sex", text="[A-Z]1?"),
    one("missing", column="age", high=0.25),
    one("unique", columns=("id", "age")),
    one("rows", low=4, high=4),
]


def test_what_holds_passes_in_one_look(root: Path, readers: Any) -> None:
    found = check(origins(root, readers, *HOLDING), ["people", "people", "nobody"], at=NOW)
    assert [True] * len(HOLDING) == [item.passed for item in found]


def test_what_blocks_is_told_all_at_once(root: Path, readers: Any) -> None:
    wrong = [one("range", column="age", low=0, high=120, mode="block"), one("unique", columns=("id",), mode="block"), BROKEN[1][0]]
    with pytest.raises(HeadraceError) as raised:
        check(origins(root, readers, *wrong), ["people"], at=NOW)
    assert ["check-failed", "check-failed"] == [item.id for item in raised.value.report]


def test_a_row_is_shown_with_what_tells_it_from_others(root: Path, readers: Any) -> None:
    found = check(origins(root, readers, one("unique", columns=("id",)), BROKEN[0][0]), ["people"], at=NOW)
    assert ({"id": "3", "age": "130.0"}, {"id": "3", "age": "-1.0"}) == found[1].sample


def test_a_pattern_that_the_engine_cannot_read_is_said(root: Path, readers: Any) -> None:
    with pytest.raises(HeadraceError, match="source/people could not be checked"):
        check(origins(root, readers, one("pattern", column="sex", text="(?<x>a)\\1")), ["people"], at=NOW)


def test_without_checks_nothing_is_read(tmp_path: Path, readers: Any) -> None:
    assert list[Checked]() == check(origins(tmp_path, readers), ["people"], at=NOW)


# over time, against other sources, by a schema ----------------------------------------------------------------------

READINGS = pd.DataFrame(
    {
        "meter": [1, 1, 1, 2, 2, 2],
        "at": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-01", "2024-01-05", "2024-01-12"], utc=True),
        "value": [1.0, 3.0, 2.0, 10.0, 10.0, np.nan],
        "code": ["1", "22", "x", "1.5", None, " 7 "],
        "mail": [f"{n}@example.org" for n in range(6)],
    }
)
METERS = pd.DataFrame({"id": [1, 3], "kind": ["a", "b"]})


def readings(root: Path, readers: Any, *checks: dict[str, Any], personal: tuple[str, ...] = (), end: str = "parquet") -> Origins:
    kinds = {"meter": "int64", "at": "timestamp", "value": "float", "code": "category", "mail": "category"}
    common: dict[str, Any] = {"arrival": None, "fresh_within_seconds": None, "personal": personal}
    if end == "parquet":
        READINGS.to_parquet(root / "readings.parquet")
        METERS.to_parquet(root / "meters.parquet")
    else:
        READINGS.to_csv(root / "readings.csv", index=False)
        METERS.to_csv(root / "meters.csv", index=False)
    first = {"columns": {name: {"from": name, "type": kind} for name, kind in kinds.items()}, "checks": checks, "uri": f"readings.{end}"}
    other = {"id": {"from": "id", "type": "int64"}, "kind": {"from": "kind", "type": "category"}}
    sources = {"readings": common | first, "meters": common | {"uri": f"meters.{end}", "columns": other, "checks": ()}}
    return Origins(root, {name: SourceConfig.model_validate(source) for name, source in sources.items()}, readers)


LATER = [
    (one("reads_as", column="code", text="int64"), "in 2 of 6 rows `code` cannot be read as int64 (such as code=x; code=1.5)"),
    (one("reads_as", column="code", text="float"), "in 1 of 6 rows `code` cannot be read as float (such as code=x)"),
    (
        one("reads_as", column="code", text="timestamp"),
        "in 5 of 6 rows `code` cannot be read as timestamp (such as code=1; code=22; code=x)",
    ),
    (one("reads_as", column="value", text="int64"), ""),
    (one("fresh_within", column="at", high=6 * 86400), ""),
    (one("fresh_within", column="at", high=86400), "the newest `at` that has passed is 5d old, and at most 1d is wanted"),
    (
        one("ahead_at_most", column="at", high=3600),
        "in 1 of 6 rows `at` lies more than 1h in the future (such as at=2024-01-12 00:00:00+00:00)",
    ),
    (one("ahead_at_most", column="at", high=2 * 86400), ""),
    (
        one("monotone", column="value", columns=("at", "meter"), text="rising"),
        "in 1 of 6 rows `value` is less than before, along `at`, `meter` (such as meter=1, at=2024-01-03 00:00:00+00:00, value=2.0)",
    ),
    (
        one("monotone", column="value", columns=("at", "meter"), text="falling"),
        "in 1 of 6 rows `value` is more than before, along `at`, `meter` (such as meter=1, at=2024-01-02 00:00:00+00:00, value=3.0)",
    ),
    (
        one("refers", column="meter", other="meters", other_column="id"),
        "in 3 of 6 rows `meter` is no `id` of source/meters (such as meter=2; meter=2; meter=2)",
    ),
    (one("refers", column="meter", other="readings", other_column="meter"), ""),
    (
        one("like", column="meter", other="meters", other_column="id", text="ks", high=0.4),
        "`meter` is spread in another way than `id` of source/meters: ks is 0.5, and at most 0.4 is wanted",
    ),
    (one("like", column="meter", other="meters", other_column="id", text="ks", high=0.5), ""),
    (
        one("like", column="code", other="meters", other_column="kind", text="jensen_shannon", high=0.9),
        "`code` is spread in another way than `kind` of source/meters: jensen_shannon is 1, and at most 0.9 is wanted",
    ),
    (one("like", column="code", other="readings", other_column="code", text="psi", high=1e-9), ""),
    (one("like", column="value", other="readings", other_column="value", text="psi", high=1e-9), ""),
]


@pytest.mark.parametrize("end", ["parquet", "csv"])
def test_what_does_not_hold_over_time_and_against_others_is_shown(end: str, tmp_path: Path, readers: Any) -> None:
    items = [item | {"id": f"c{number}"} for number, (item, _) in enumerate(LATER)]
    found = check(readings(tmp_path, readers, *items, end=end), ["readings"], at=NOW)
    told = ["" if item.passed else tell(item).partition(": ")[2] for item in found]
    shown = [said.replace(" 00:00:00+00:00", "") for said in told]
    assert [said.replace(" 00:00:00+00:00", "") for _, said in LATER] == shown


def test_a_future_value_makes_no_source_fresh(tmp_path: Path, readers: Any) -> None:
    """A clock that runs ahead would hide that nothing comes any more."""
    item = one("fresh_within", column="at", high=3600)
    (found,) = check(readings(tmp_path, readers, item), ["readings"], at=datetime(2023, 1, 1, tzinfo=UTC))
    assert (False, "no row has a `at` that has passed") == (found.passed, found.said)


def test_a_personal_value_is_shown_by_no_check(tmp_path: Path, readers: Any) -> None:
    items = [one("pattern", column="mail", text="[a-z]+@.*"), one("unique", columns=("meter",)), one("holds", text="mail == 'x'")]
    found = check(readings(tmp_path, readers, *items, personal=("mail",)), ["readings"], at=NOW)
    assert [False, False, False] == [item.passed for item in found]
    assert ({"meter": "1", "mail": "(personal)"}, False) == (found[0].sample[0], "example.org" in str(found))


def test_the_psi_of_a_check_is_that_of_monitoring(tmp_path: Path, readers: Any) -> None:
    from headrace.stats import bins

    draw = np.random.default_rng(7)
    before, now = draw.normal(0, 1, 4000), draw.normal(0.5, 1, 3000)
    columns = {"x": {"from": "x", "type": "float"}}
    declared: dict[str, Any] = {"columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": ()}
    pd.DataFrame({"x": before}).to_parquet(tmp_path / "before.parquet")
    pd.DataFrame({"x": now}).to_parquet(tmp_path / "now.parquet")
    items = [one("like", column="x", other="before", other_column="x", text=text, high=0.05) for text in ("psi", "ks", "jensen_shannon")]
    sources = {
        "before": SourceConfig.model_validate(declared | {"uri": "before.parquet"}),
        "now": SourceConfig.model_validate(declared | {"uri": "now.parquet", "checks": items}),
    }
    found = check(Origins(tmp_path, sources, readers), ["now"], at=NOW)
    made = bins.profile({"x": "number"}, pd.DataFrame({"x": before}))
    counts = made.reference()["x"], bins.count(made, pd.DataFrame({"x": now}))["x"]
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import ks_2samp

    expected = [bins.psi(*counts), ks_2samp(before, now).statistic, jensenshannon(*counts, base=2)]
    np.testing.assert_allclose([item.measured for item in found], expected, rtol=1e-12)
    assert [False] * 3 == [item.passed for item in found]


SCHEMA = """
import pandera.pandas as pa

mail = pa.Column(str, pa.Check.str_matches("[1-9].*"))
orders = pa.DataFrameSchema({"value": pa.Column(float, pa.Check.lt(5), nullable=True), "mail": mail})
whole = pa.DataFrameSchema({"nobody": pa.Column(float)})
right = pa.DataFrameSchema({"value": pa.Column(float, nullable=True)})
none = len


class Orders(pa.DataFrameModel):
    meter: int = pa.Field(le=1)


def raising(frame):
    raise OSError("no network")


broken = pa.DataFrameSchema({"value": pa.Column(float, pa.Check(raising), nullable=True)})
"""


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_schemas.py").write_text(SCHEMA, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "own_schemas", raising=False)
    return "own_schemas"


def test_a_pandera_schema_is_asked_of_all_rows(tmp_path: Path, readers: Any, schemas: str) -> None:
    pytest.importorskip("pandera")
    items = [one("pandera", text=f"{schemas}:{name}") for name in ("orders", "whole", "right", "Orders")]
    found = check(readings(tmp_path, readers, *items, personal=("mail",)), ["readings"], at=NOW)
    assert [(False, 3), (False, 1), (True, 0), (False, 3)] == [(item.passed, item.broken) for item in found]
    assert ["3 of 6 rows break the schema `own_schemas:orders`", "10.0", "(personal)"] == [
        found[0].said,
        found[0].sample[0]["value"],
        found[0].sample[-1]["value"],
    ]


@pytest.mark.parametrize(("name", "said"), [("none", "`own_schemas:none` is no pandera schema"), ("gone", "has no attribute 'gone'")])
def test_what_is_no_schema_is_told(tmp_path: Path, readers: Any, schemas: str, name: str, said: str) -> None:
    pytest.importorskip("pandera")
    with pytest.raises(HeadraceError, match=said):
        check(readings(tmp_path, readers, one("pandera", text=f"{schemas}:{name}")), ["readings"], at=NOW)


def test_without_pandera_its_schemas_are_told_what_to_install(tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *given: None if name == "pandera" else real(name, *given))
    with pytest.raises(HeadraceError) as raised:
        check(readings(tmp_path, readers, one("pandera", text="own:orders")), ["readings"], at=NOW)
    assert [("pandera-missing", "type `pip install pandera`")] == [(fault.id, fault.help) for fault in raised.value.report]


# bad rows ------------------------------------------------------------------------------------------------------------

BAD = [
    ("duplicate keys", {"meter": [1, 1]}, one("unique", columns=("meter",), mode="block"), "1 of 2 rows have the same `meter` as another"),
    ("no rows", {"meter": []}, one("rows", low=1, high=9, mode="block"), "source/bad has no rows"),
    ("ten rows", {"meter": range(10)}, one("rows", low=100, high=900, mode="block"), "there are 10 rows, and 100 to 900 are wanted"),
    ("infinite", {"value": [1.0, np.inf]}, one("missing", column="value", high=0, mode="block"), "is no longer float: row 2 holds `inf`"),
    ("none is a number", {"value": [1.0, np.nan]}, one("missing", column="value", high=0, mode="block"), "1 of 2 rows have no `value`"),
    ("all are none", {"value": [np.nan, np.nan]}, one("missing", column="value", high=0, mode="block"), "2 of 2 rows have no `value`"),
    (
        "from the future",
        {"at": pd.to_datetime(["2024-01-01", "2025-01-01"], utc=True)},
        one("ahead_at_most", column="at", high=300, mode="block"),
        "in 1 of 2 rows `at` lies more than 5m in the future",
    ),
    (
        "a clock that is off",
        {"at": pd.to_datetime(["2024-01-01 00:00", "2024-01-10 00:04"], utc=True)},
        one("ahead_at_most", column="at", high=180, mode="block"),
        "in 1 of 2 rows `at` lies more than 3m in the future",
    ),
]


@pytest.mark.parametrize(("column", "item", "said"), [item[1:] for item in BAD], ids=[item[0] for item in BAD])
def test_bad_rows_end_a_training_with_what_is_wrong(column: Any, item: Any, said: str, tmp_path: Path, readers: Any) -> None:
    (name,) = column
    kind = {"meter": "int64", "value": "float", "at": "timestamp"}[name]
    pd.DataFrame(column).to_parquet(tmp_path / "bad.parquet")
    declared = {"uri": "bad.parquet", "columns": {name: {"from": name, "type": kind}}, "arrival": None, "fresh_within_seconds": None}
    source = SourceConfig.model_validate(declared | {"checks": [item]})
    with pytest.raises(HeadraceError) as raised:
        check(Origins(tmp_path, {"bad": source}, readers), ["bad"], at=NOW)
    assert said in raised.value.report.found[0].message
