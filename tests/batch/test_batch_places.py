"""Places of rows within their groups: the same however the rows are cut into chunks, and of those alone that have an answer."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from batch_world import alone, opened, order, promote, rows, source, version
from hypothesis import given, settings
from hypothesis import strategies as st
from killed import job

from headrace.batch import Asked, Chunk, Opened, Ready, Stretch, here
from headrace.batch import target as targets
from headrace.batch.folder import write_job
from headrace.batch.run import carry_out
from headrace.hooks import Answers, Input, Signature
from headrace.steps.batch import column
from headrace.steps.batch.carry import scored

RANKING = Answers("ranking")


class Same:
    """A model that answers its input."""

    def predict(self, matrix: Any) -> Any:
        return matrix[:, 0]


def ready(table: Any, chunk: Chunk) -> Ready:
    faults = np.full(chunk.rows, None, dtype=object)
    return Ready(table.to_pandas()[["x"]], table["id"].combine_chunks(), faults, table["query"].combine_chunks())


@dataclass(frozen=True)
class Opening:
    """How a process comes by `Same`."""

    def columns(self) -> tuple[str, ...]:
        return ("id", "x", "query")

    def __call__(self) -> Opened:
        return Opened(Same(), Signature((Input("x", "number"),)), RANKING, ready)


CELLS = st.tuples(st.one_of(st.none(), st.sampled_from("abc")), st.sampled_from([-1.0, -0.0, 0.0, 0.5, float("nan")]))


@settings(max_examples=40, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=30), chunk=st.integers(1, 8), ending=st.sampled_from(["csv", "parquet"]))
def test_a_place_is_of_the_whole_group_however_it_is_cut(cells, chunk, ending):
    with TemporaryDirectory() as name:
        made = job(Path(name), len(cells), chunk, Path(name) / f"out.{ending}", "new")
        frame = pd.DataFrame(cells, columns=["query", "x"]).assign(id=range(len(cells)))
        path = Path(made.stretches[0].path)
        frame.astype({"query": "string"}).to_parquet(path)
        told = path.stat()
        made = replace(made, group="query", stretches=(Stretch(str(path), len(frame), told.st_size, told.st_mtime_ns),))
        write_job(Path(name) / "run", made.to_json())
        asked = Asked(str(Path(name) / "run"), "id", Opening(), "query")
        carry_out(made, asked, here, targets.parse(Path(name), made.told), lambda _: None)
        read = pd.read_csv if ending == "csv" else pd.read_parquet
        found = read(Path(name) / f"out.{ending}")
    sound = frame[frame["query"].notna() & frame["x"].notna()]
    expected: list[tuple[int, int]] = []
    for at, one in sound.iterrows():
        others = sound[sound["query"] == one["query"]]
        before = (others["x"] > one["x"]) | ((others["x"] == one["x"]) & (others.index < at))
        expected.append((one["id"], 1 + int(before.sum())))
    assert ["id", "query", "prediction", "rank"] == list(found.columns)
    assert expected == list(zip(found["id"], found["rank"], strict=True))


def test_a_version_that_ranks_answers_with_places_where_the_rows_say_their_group(tmp_path):
    with opened() as place:
        frame = rows(60).assign(query=[f"q{at % 7}" for at in range(60)])
        frame.to_parquet(tmp_path / "rows.parquet")
        config = source(tmp_path / "rows.parquet", query="category")
        asked = replace(order(config, str(tmp_path / "out.parquet"), chunk=11), group=column(config, "query"))
        assert ["id", "prediction"] == list(read(place, asked, tmp_path).columns)
        promote(place.store, version(place.store, seed=8, task="ranking").number)
        told = read(place, replace(asked, overwrite=True), tmp_path)
        scores = pd.Series(alone(place, frame)).groupby(frame["query"])
        assert (list(frame["query"]), list(scores.rank(ascending=False, method="first"))) == (list(told["query"]), list(told["rank"]))


def read(place: Any, asked: Any, where: Path) -> pd.DataFrame:
    scored(place, asked, lambda _: None)
    return pd.read_parquet(where / "out.parquet")
