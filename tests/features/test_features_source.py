"""Reading a source: what is declared, as it is declared, or a fault that names it."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from headrace.compiled import SourceConfig
from headrace.diagnostics import HeadraceError
from headrace.features import read_source
from headrace.features.source import locate


def declared(columns, uri="s.pq", **more):
    columns = {name: {"from": name, **column} for name, column in columns.items()}
    return SourceConfig.model_validate(
        {"uri": uri, "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": (), **more}
    )


def read(tmp_path, frame, types, **more):
    frame.to_parquet(tmp_path / "s.pq")
    return read_source(tmp_path, "s", declared({name: {"type": kind} for name, kind in types.items()}, **more))


def faults(raised):
    return [(item.id, item.help) for item in raised.value.report]


def test_only_declared_columns_are_read_under_the_projects_names(tmp_path):
    pd.DataFrame({"AGEP": [1.5], "secret": [1]}).to_parquet(tmp_path / "s.pq")
    got = read_source(tmp_path, "s", declared({"age": {"from": "AGEP", "type": "float"}}))
    assert {"age": [1.5]} == got.to_dict("list")


def test_a_missing_column_is_named_with_the_nearest_there_is(tmp_path):
    with pytest.raises(HeadraceError) as raised:
        read(tmp_path, pd.DataFrame({"age": [1], "sex": [2]}), {"agee": "int64", "zebra": "float"})
    assert [("missing-column", "did you mean `age`?"), ("missing-column", "it has: age, sex")] == faults(raised)


def test_every_changed_type_is_told_at_once(tmp_path):
    frame = pd.DataFrame({"a": ["1", "x", "y"], "b": [1.5, 2, 3], "c": ["2020-01-01", "soon", None], "d": [1, 2, 3]})
    with pytest.raises(HeadraceError) as raised:
        read(tmp_path, frame, {"a": "int64", "b": "int64", "c": "timestamp", "d": "timestamp"})
    assert [
        "source/s: column `a` is no longer int64: row 2 holds `x`, and 1 more (the file's type is string)",
        "source/s: column `b` is no longer int64: row 1 holds `1.5` (the file's type is Float64)",
        "source/s: column `c` is no longer timestamp: row 2 holds `soon` (the file's type is string)",
        "source/s: column `d` is no longer timestamp: row 1 holds `1`, and 2 more (the file's type is Int64)",
    ] == [item.message for item in raised.value.report]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        (pd.array([2**62 + 1, 3], dtype="Int64"), "int64", [2**62 + 1, 3]),
        (pd.array([2**63 - 1, 3], dtype="UInt64"), "int64", [2**63 - 1, 3]),
        (pd.array([2**63 - 1, None], dtype="Int64"), "int64", [2.0**63, None]),
        ([str(2**63 - 1), str(-(2**63))], "int64", [2**63 - 1, -(2**63)]),
        ([-(2.0**63), 1.0], "int64", [-(2**63), 1]),
        (["7.0", "1e3"], "int64", [7, 1000]),
        ([str(2**53 + 1), " 7"], "int64", [2**53 + 1, 7]),
        ([Decimal(2**53 + 1)], "int64", [2**53 + 1]),
        (pd.array([7], dtype="UInt8"), "int64", [7]),
        ([1.0, np.nan], "int64", [1.0, None]),
        (["7", " 8"], "int64", [7, 8]),
        ([1, 2], "float", [1.0, 2.0]),
        (["1.5", "NA"], "float", [1.5, None]),
        (["a", None], "category", ["a", None]),
        (pd.Categorical(["b", "a"]), "category", ["b", "a"]),
        (pd.array([21, None], dtype="Int64"), "category", ["21", None]),
        ([21.0, np.nan], "category", ["21", None]),
        ([True, False], "category", ["True", "False"]),
        (["2020-01-02T03:04:05+01:00"], "timestamp", [datetime(2020, 1, 2, 2, 4, 5, tzinfo=UTC)]),
        (pd.to_datetime(["2020-01-02"]), "timestamp", [datetime(2020, 1, 2, tzinfo=UTC)]),
    ],
)
def test_values_become_what_the_spec_says(tmp_path, values, kind, expected):
    got = read(tmp_path, pd.DataFrame({"a": values}), {"a": kind})["a"]
    assert expected == [None if pd.isna(value) else value for value in got.tolist()]


@pytest.mark.parametrize(
    ("values", "kind", "fault"),
    [
        ([None, None], "float", "all-missing"),
        ([np.nan, np.nan], "int64", "all-missing"),
        ([1.5, 2.0], "category", "changed-type"),
        ([np.inf, 2.0], "float", "changed-type"),
        ([True, False], "float", "changed-type"),
        (["7", "1.5"], "int64", "changed-type"),
        (pd.to_datetime(["2020-01-02"]), "float", "changed-type"),
        ([], "float", "empty-source"),
        (pd.array([2**63, 1], dtype="UInt64"), "int64", "changed-type"),
        (pd.array([2**63, None], dtype="UInt64"), "int64", "changed-type"),
        ([str(2**63), "1"], "int64", "changed-type"),
        ([str(2**70), "1"], "int64", "changed-type"),
        ([str(2**70), "NA"], "int64", "changed-type"),
        ([str(-(2**63) - 1), "1"], "int64", "changed-type"),
        (["1e30", "1"], "int64", "changed-type"),
        ([f"{2**53 + 1}.5", "1"], "int64", "changed-type"),
        ([2.0**63, 1.0], "int64", "changed-type"),
        ([{"a": 1}, None], "category", "changed-type"),
        ([[1, 2], None], "category", "changed-type"),
        ([[1, 2], None], "float", "changed-type"),
        ([b"\xff", None], "int64", "changed-type"),
        ([b"\xff", None], "timestamp", "changed-type"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, values, kind, fault):
    with pytest.raises(HeadraceError) as raised:
        read(tmp_path, pd.DataFrame({"a": values}), {"a": kind})
    assert [fault] == [item.id for item in raised.value.report]


@pytest.mark.parametrize("suffix", ["pq", "csv"])
def test_one_column_of_the_file_under_two_names(tmp_path, suffix):
    frame = pd.DataFrame({"AGEP": [1, 2]})
    frame.to_parquet(tmp_path / "s.pq")
    frame.to_csv(tmp_path / "s.csv", index=False)
    columns = {"age": {"from": "AGEP", "type": "float"}, "years": {"from": "AGEP", "type": "category"}}
    got = read_source(tmp_path, "s", declared(columns, f"s.{suffix}"))
    assert {"age": [1.0, 2.0], "years": ["1", "2"]} == got.to_dict("list")


def test_csv_is_read_by_the_same_types(tmp_path):
    (tmp_path / "s.csv").write_text("code,n\n007,1\nNA,\n", encoding="utf-8")
    got = read_source(tmp_path, "s", declared({"code": {"type": "category"}, "n": {"type": "float"}}, "s.csv"))
    assert (["007", "NA"], [1.0, None]) == (got["code"].tolist(), [None if pd.isna(n) else n for n in got["n"]])


def test_an_arrival_adds_its_time(tmp_path):
    arrival = {"time": "at", "spread": "year", "order": "file", "seed": 0}
    got = read(tmp_path, pd.DataFrame({"year": [2020]}), {"year": "int64"}, arrival=arrival)
    assert [datetime(2020, 7, 2, tzinfo=UTC)] == got["at"].tolist()


def test_a_broken_file_is_the_sources_fault(tmp_path):
    (tmp_path / "s.pq").write_bytes(b"no parquet")
    with pytest.raises(HeadraceError, match="source-unreadable"):
        read_source(tmp_path, "s", declared({"a": {"type": "float"}}))


def test_a_format_that_no_reader_knows_lists_those_known(tmp_path):
    (tmp_path / "s.xls").write_bytes(b"")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "s", declared({}, "s.xls"))
    assert [("unknown-format", "known are: .csv, .parquet, .pq")] == faults(raised)


def test_a_package_is_found_without_importing_it():
    import sys

    before = "nannyml" in sys.modules
    path = locate(None, "s", "package://nannyml/datasets/data/employment_MA_reference.pq")
    assert ("employment_MA_reference.pq", before) == (path.name, "nannyml" in sys.modules)


def test_a_file_url_is_a_path(tmp_path):
    (tmp_path / "a b.csv").write_text("a\n1\n", encoding="utf-8")
    assert tmp_path / "a b.csv" == locate(tmp_path, "s", (tmp_path / "a b.csv").as_uri())


@pytest.mark.parametrize(
    "uri",
    [
        "lost.pq",
        "s3://bucket/a.pq",
        "package://no_such_package/a.pq",
        "package://a.b/c.pq",
        "package://nannyml/../../etc/passwd",
        "file:///lost",
    ],
)
def test_what_is_not_there_is_said(tmp_path, uri):
    with pytest.raises(HeadraceError, match="source-not-found"):
        locate(tmp_path, "s", uri)


def test_a_place_by_reference_is_read_when_the_rows_are_and_only_its_name_is_told(tmp_path, monkeypatch):
    pd.DataFrame({"age": [1.5]}).to_parquet(tmp_path / "s.pq")
    source = declared({"age": {"type": "float"}}, uri="env:ROWS_OF_S")
    monkeypatch.setenv("ROWS_OF_S", "s.pq")
    assert {"age": [1.5]} == read_source(tmp_path, "s", source).to_dict("list")
    monkeypatch.setenv("ROWS_OF_S", "elsewhere.pq")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "s", source)
    assert (["source/s: env:ROWS_OF_S does not exist"], [("source-not-found", None)]) == (
        [fault.message for fault in raised.value.report],
        faults(raised),
    )
