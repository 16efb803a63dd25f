"""The built-in readers: they give what the file holds, and no more."""

import pandas as pd

from headrace.builtin import headrace_readers
from headrace.hooks import resolve

READERS = {item.name: item for item in headrace_readers()}


def test_csv_keeps_text_as_it_stands(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("code,n,other\n007,1,x\nNA,,x\n", encoding="utf-8")
    frame = resolve(READERS["csv"].read)(path, ["n", "code", "lost"])
    assert {"code": ["007", "NA"], "n": ["1", None]} == {name: [None if pd.isna(v) else v for v in frame[name]] for name in frame}


def test_parquet_keeps_whole_numbers_whole_beside_missing_ones(tmp_path):
    path = tmp_path / "a.pq"
    pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "m": [1, 2]}).to_parquet(path)
    frame = resolve(READERS["parquet"].read)(path, ["n", "lost"])
    assert [1, None] == [None if pd.isna(value) else value for value in frame["n"]]


def test_readers_name_all_columns_of_a_file(tmp_path):
    pd.DataFrame({"a": [1], "b": [2]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    files = {"parquet": "a.parquet", "csv": "a.csv"}
    assert {name: ["a", "b"] for name in files} == {name: resolve(READERS[name].names)(tmp_path / file) for name, file in files.items()}
