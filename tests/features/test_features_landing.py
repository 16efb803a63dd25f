"""A training reads what stood there at one moment, and remembers what that was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headrace.compiled import SourceConfig
from headrace.features import Origins, landed, read_source

ROWS = pd.DataFrame({"id": [2**60 + 1, 2, 3], "x": [1.0, None, 3.5], "k": ["a", None, "b"]})
COLUMNS = {"id": "int64", "x": "float", "k": "category"}


def origins(root: Path, readers: Any, **where: Any) -> Origins:
    columns = {name: {"from": name, "type": kind} for name, kind in COLUMNS.items()}
    source = SourceConfig.model_validate({"columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": (), **where})
    return Origins(root, {"s": source}, readers)


def table(root: Path, rows: pd.DataFrame) -> None:
    with sqlite3.connect(root / "a.db") as con:
        rows.to_sql("t", con, index=False, if_exists="replace")


def digest(from_: Origins) -> str:
    with landed(from_, ["s", "nobody"]) as held:
        assert ["s"] == list(held.digests)
        return held.digests["s"]


def test_what_is_read_is_what_stood_there_and_nothing_stays(tmp_path: Path, readers: Any) -> None:
    table(tmp_path, ROWS)
    from_ = origins(tmp_path, readers, uri="sqlite:///a.db", table="t")
    before = read_source(tmp_path, "s", from_.sources["s"], readers)
    with landed(from_, ["s"]) as held:
        table(tmp_path, ROWS.iloc[:1])
        pd.testing.assert_frame_equal(before, read_source(tmp_path, "s", held.origins.sources["s"], readers))
    assert [] == list((tmp_path / ".headrace").iterdir())


def test_a_function_is_called_once(tmp_path: Path, readers: Any) -> None:
    body = "import pandas as pd\ncalls = []\n\n\ndef rows():\n    calls.append(1)\n"
    body += "    return pd.DataFrame({'id': [len(calls)], 'x': 1.0, 'k': 'a'})\n"
    (tmp_path / "own_landed.py").write_text(body, encoding="utf-8")
    from_ = origins(tmp_path, readers, python="own_landed:rows")
    with landed(from_, ["s", "s"]) as held:
        assert [[1], [1]] == [read_source(tmp_path, "s", held.origins.sources["s"], readers)["id"].tolist() for _ in range(2)]


def test_a_digest_rests_on_the_rows_and_not_on_how_they_were_written(tmp_path: Path, readers: Any) -> None:
    from_ = origins(tmp_path, readers, uri="sqlite:///a.db", table="t")
    told = []
    for rows in (ROWS, ROWS.iloc[::-1], ROWS.assign(other=1), ROWS.assign(id=[2**60 + 2, 2, 3]), ROWS.assign(k=["a", "", "b"])):
        table(tmp_path, rows)
        told.append(digest(from_))
    assert [told[0]] * 3 == told[:3]
    assert 3 == len(set(told))


@pytest.mark.parametrize("uri", ["a.parquet", "*.parquet"])
def test_a_file_is_read_where_it_stands_and_told_by_its_bytes(uri: str, tmp_path: Path, readers: Any) -> None:
    ROWS.to_parquet(tmp_path / "a.parquet")
    from_ = origins(tmp_path, readers, uri=uri)
    first = digest(from_)
    with landed(from_, ["s"]) as held:
        assert from_.sources == held.origins.sources
    ROWS.assign(x=1.0).to_parquet(tmp_path / "a.parquet")
    assert first != digest(from_)
