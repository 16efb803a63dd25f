"""P33: every row of the input has one answer or one reason, and no row has two: whatever is wrong with rows, however they are cut."""

import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import CATEGORIES, HIGH, LOW, alone, left, opened, order, source

from headrace.steps.batch.carry import scored

CELLS = st.tuples(
    st.one_of(st.none(), st.integers(0, 12)),
    st.one_of(st.none(), st.floats(-150, 150, allow_nan=False).map(lambda x: round(x, 3)), st.sampled_from(["many", "1e400"])),
    st.one_of(st.none(), st.sampled_from([*CATEGORIES, "never seen"])),
)


@pytest.fixture(scope="module")
def place():
    with opened() as found:
        yield found


def wrong(rows):
    """Which rows are none, by what a server would refuse, and which have the key of a row before them."""
    seen, found, twice = set(), set(), set()
    for at, (key, x, _) in enumerate(rows):
        number = None if x is None else math.inf if isinstance(x, str) else x
        if key in seen:
            twice.add(at)
        elif key is None or (number is not None and not LOW <= number <= HIGH):
            found.add(at)
        seen |= {key} - {None}
    return found, twice


def written(frame, folder, form):
    """The rows in a file; in Parquet, whose groups are small, what is no number is infinite."""
    if form == "csv":
        frame.to_csv(folder / "rows.csv", index=False)
        return folder / "rows.csv"
    x = frame["x"].map(lambda cell: math.inf if isinstance(cell, str) else cell).astype(float)
    typed = frame.assign(id=frame["id"].astype("Int64"), x=x, c=frame["c"].astype("string"))
    typed.to_parquet(folder / "rows.parquet", index=False, row_group_size=4)
    return folder / "rows.parquet"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(CELLS, min_size=1, max_size=25), chunk=st.integers(1, 9), form=st.sampled_from(["csv", "parquet"]))
def test_every_row_has_one_answer_or_one_reason(place, rows, chunk, form):
    with TemporaryDirectory(dir=place.root) as folder:
        frame = pd.DataFrame(rows, columns=["id", "x", "c"], dtype=object)
        output = Path(folder) / "out.parquet"
        asked = order(source(written(frame, Path(folder), form)), str(output), chunk=chunk, max_bad=1.0, duplicates="first")
        done = scored(place, asked, lambda _: None)
        good = pd.read_parquet(output)
        bad = pd.read_parquet(Path(folder) / "out.bad.parquet") if done.bad_rows else pd.DataFrame({"row": [], "reason": []})
        expected, twice = wrong(rows)
        assert sorted(at + 1 for at in expected | twice) == list(bad["row"])
        assert sorted(at + 1 for at in twice) == list(bad["row"][bad["reason"] == "another row before it has the same `id`"])
        sound = frame[[at not in expected | twice for at in range(len(rows))]]
        assert [int(key) for key in sound["id"]] == list(good["id"])
        assert alone(place, sound.assign(x=sound["x"].astype(float), c=sound["c"].where(sound["c"].notna(), None))) == list(
            good["prediction"]
        )
        assert (len(rows), len(good), len(expected), len(twice)) == (done.rows, done.good, done.bad, done.duplicates)
        assert [] == left(place)
