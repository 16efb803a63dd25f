"""P34: a batch says how far it is: never less than before, every row in the end, and 100 % once its output stands and not before."""

import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import opened, order, rows, source

from headrace.steps.batch.carry import scored


@pytest.fixture(scope="module")
def place():
    with opened() as found:
        yield found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(1, 60), chunk=st.integers(1, 25), bad=st.integers(0, 5))
def test_progress_rises_to_the_end(place, number, chunk, bad):
    with TemporaryDirectory(dir=place.root) as folder:
        frame = rows(number)
        frame.loc[: bad - 1, "x"] = 1000.0
        frame.to_parquet(Path(folder) / "rows.parquet")
        output, told = Path(folder) / "out.csv", []
        asked = order(source(Path(folder) / "rows.parquet"), str(output), chunk=chunk, max_bad=1.0)
        scored(place, asked, lambda now: told.append((now, output.exists())))
        assert all(a.done <= b.done and a.bad <= b.bad and a.percent <= b.percent for (a, _), (b, _) in pairwise(told))
        assert [(now.percent == 100) for now, _ in told] == [there for _, there in told]
        assert (number, number, min(bad, number), 100.0) == tuple(
            getattr(told[-1][0], name) for name in ("done", "total", "bad", "percent")
        )
        # Each chunk is told when it is done, so that nothing is silent for longer than one.
        assert -(-number // chunk) + 2 == len(told)
