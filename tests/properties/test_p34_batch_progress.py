"""P34: a batch says how far it is: never less than before, every row in the end, and 100 % once its output stands and not before."""

import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import folder as new
from batch_world import opened, order, rows, source
from killed import Opening, job

from headrace.batch import Asked, here
from headrace.batch import folder as kept
from headrace.batch import target as targets
from headrace.batch.run import carry_out
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


class Killed(Exception):  # noqa: N818 - what ends a run
    """The run ends here."""


@settings(max_examples=25, deadline=None)
@given(number=st.integers(1, 40), chunk=st.integers(1, 12), kills=st.lists(st.integers(0, 6), min_size=1, max_size=3))
def test_progress_goes_on_from_what_is_kept_where_a_run_was_killed(number, chunk, kills):
    with new() as place:
        folder, told = Path(place), []
        made = job(folder, number, chunk, folder / "out.csv", "new")
        asked = Asked(str(folder / "run"), made.key, Opening())

        def carried(upto):
            mine = []

            def tell(now):
                mine.append(now)
                # What is told is kept, so that no kill takes it back.
                assert now.done == sum(part.rows for part in kept.done(folder / "run").values())
                if len(mine) > upto:
                    raise Killed

            try:
                carry_out(made, asked, here, targets.parse(folder, made.told), tell)
            except Killed:
                pass
            finally:
                told.append(mine)

        for upto in [*kills, number + 3]:
            if not (folder / "out.csv").exists():
                carried(upto)
        each = [now for mine in told for now in mine]
        assert all(a.done <= b.done and a.bad <= b.bad and a.percent <= b.percent for a, b in pairwise(each))
        # The one that goes on says at once what the one before it had said.
        assert [mine[-1].done for mine in told[:-1]] == [mine[0].done for mine in told[1:]]
        assert (number, 100.0) == (each[-1].done, each[-1].percent)
