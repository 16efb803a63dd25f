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
