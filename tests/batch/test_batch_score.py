"""One chunk to one part: what of several classes and of quantiles is written, and which rows a model fails on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killed import ready

from headrace.batch import Asked, Opened, Stretch, score
from headrace.batch.cursor import Cursor
from headrace.batch.folder import add, bad, done, part
from headrace.batch.run import chunks
from headrace.batch.values import Part
from headrace.hooks import Answers, Input, Signature
from headrace.hooks.answers import BINARY


@dataclass(frozen=True)
class Says:
    """A model that says what `given` says, row by row, and raises where that is text."""

    given: tuple[Any, ...]

    def predict(self, matrix: Any) -> Any:
        said = [self.given[int(at)] for at in matrix[:, 0]]
        for one in said:
            if isinstance(one, str):
                raise ValueError(one)
        return np.array(said, dtype=float)


@dataclass(frozen=True)
class Opening:
    """How a process comes by a model that says so."""

    given: tuple[Any, ...]
    answers: Answers = BINARY

    def columns(self) -> tuple[str, ...]:
        return ("id", "x")

    def __call__(self) -> Opened:
        return Opened(Says(self.given), Signature((Input("x", "number"),)), self.answers, ready)


def stretch(folder, rows, group=1000):
    path = folder / "rows.parquet"
    pd.DataFrame({"id": np.arange(rows), "x": np.arange(rows)}).to_parquet(path, row_group_size=group)
    return Stretch(str(path), rows, path.stat().st_size, path.stat().st_mtime_ns)


def scored(folder, given, answers=BINARY):
    (chunk,) = chunks([stretch(folder, len(given))], 100)
    told = score(Asked(str(folder), "id", Opening(tuple(given), answers)), chunk)
    return told, pd.read_parquet(part(folder, 0)), pd.read_parquet(bad(folder, 0)) if told.bad else None


def test_of_several_classes_the_label_is_told_and_all_probabilities(tmp_path):
    _, told, _ = scored(tmp_path, [(0.2, 0.7, 0.1), (0.5, 0.5, 0.0)], Answers("multiclass", ("a", "b", "c")))
    assert ["id", "prediction", "probability.a", "probability.b", "probability.c"] == list(told.columns)
    assert ["b", "a"] == list(told["prediction"])


def test_of_quantiles_the_middle_is_told_and_all_of_them(tmp_path):
    _, told, _ = scored(tmp_path, [(1.0, 2.0, 4.0)], Answers("quantile", quantiles=(0.1, 0.5, 0.9)))
    assert {"id": 0, "prediction": 2.0, "quantile.0.1": 1.0, "quantile.0.5": 2.0, "quantile.0.9": 4.0} == told.iloc[0].to_dict()


@pytest.mark.parametrize("failing", [[3], [0, 9], list(range(10))])
def test_rows_that_a_model_fails_on_are_bad_and_the_others_are_not(tmp_path, failing):
    told, good, broken = scored(tmp_path, ["no such row" if at in failing else at / 10 for at in range(10)])
    assert [at for at in range(10) if at not in failing] == list(good["id"])
    assert [at + 1 for at in failing] == list(broken["row"])
    assert {"the model failed: ValueError: no such row"} == set(broken["reason"])
    assert (10 - len(failing), len(failing)) == (told.good, told.bad)


def test_what_is_no_probability_is_no_answer(tmp_path):
    _, good, broken = scored(tmp_path, [0.5, float("nan"), 1.5, 1.0])
    assert [0, 3] == list(good["id"])
    assert [2, 3] == list(broken["row"])


def test_scoring_a_chunk_again_writes_the_same(tmp_path):
    given = [0.25, "no", 0.5]
    first, second = scored(tmp_path, given)[0], scored(tmp_path, given)[0]
    assert (first.digest, first.reasons) == (second.digest, second.reasons)


def test_half_a_line_of_the_manifest_is_no_part(tmp_path):
    one = Part(0, 3, 2, 1, "sha256:a", "sha256:b", (("x", 2),))
    add(tmp_path, one)
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"number": 1, "ro')
    assert {0: one} == done(tmp_path)
    two = Part(1, 3, 3, 0, "sha256:c", None)
    add(tmp_path, two)
    assert {0: one, 1: two} == done(tmp_path)


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(1, 60), size=st.integers(1, 20), group=st.integers(1, 30), order=st.randoms(use_true_random=False))
def test_a_cursor_gives_the_rows_of_chunks_in_whatever_order_they_are_asked_for(tmp_path_factory, rows, size, group, order):
    held = list(chunks([stretch(tmp_path_factory.mktemp("rows"), rows, group)], size))
    order.shuffle(held)
    cursor = Cursor(["id"])
    for chunk in held:
        assert pa.table({"id": np.arange(chunk.first, chunk.first + chunk.rows)}) == cursor.take(chunk).replace_schema_metadata()
    cursor.close()
