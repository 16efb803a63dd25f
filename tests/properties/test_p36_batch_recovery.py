"""P36: a batch that is killed anywhere, again and again, and then goes on, has every row once: the bytes of one that was left alone."""

import sys
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import folder as new
from killed import job, killed, run


def ids(path: Path) -> list[int]:
    return [int(key) for key in (pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path))["id"]]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 40),
    chunk=st.integers(1, 12),
    kills=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    ending=st.sampled_from(["parquet", "csv"]),
    kind=st.sampled_from(["new", "overwrite"]),
)
def test_a_batch_that_was_killed_goes_on_without_a_loss_or_a_repetition(rows, chunk, kills, ending, kind):
    with new() as one, new() as other:
        still, hurt = Path(one), Path(other)
        for folder in (still, hurt):
            if kind == "overwrite":
                (folder / f"out.{ending}").write_text("what stood there")
        left_alone = run(job(still, rows, chunk, still / f"out.{ending}", kind), still)
        made = job(hurt, rows, chunk, hurt / f"out.{ending}", kind)
        for number in kills:
            killed(made, hurt, number)
            output = hurt / f"out.{ending}"
            before = kind == "overwrite" and output.read_bytes() == b"what stood there"
            # At any moment there is what stood before, or all of what is new.
            assert before or not output.exists() or output.read_bytes() == (still / output.name).read_bytes()
        taken_up = run(made, hurt)
        assert (left_alone.digest, left_alone.good, left_alone.bad) == (taken_up.digest, taken_up.good, taken_up.bad)
        for name in (f"out.{ending}", f"out.bad.{ending}"):
            assert (still / name).exists() == (hurt / name).exists()
        bad = {at for at in range(rows) if at % 7 == 3}
        assert [at for at in range(rows) if at not in bad] == ids(hurt / f"out.{ending}")
        if bad:
            assert sorted(bad) == ids(hurt / f"out.bad.{ending}")
