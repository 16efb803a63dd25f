"""On which side a row stands."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.features import RandomSplit, TimeSplit
from headrace.features.split import draws, sides

NAMES = {"entity": "id", "time": "at", "target": "y"}


def people(entities, target=0):
    return pd.DataFrame({"id": entities, "y": target, "at": datetime(2020, 1, 1, tzinfo=UTC)})


@given(st.sets(st.text(max_size=8), min_size=1, max_size=30), st.sets(st.text(max_size=8), max_size=30), st.integers(0, 5))
def test_an_entity_keeps_its_side_whoever_else_is_there(entities, others, seed):
    alone = dict(zip(sorted(entities), sides(people(sorted(entities)), RandomSplit(0.3), seed=seed, **NAMES), strict=True))
    both = sorted(entities | others, reverse=True)
    among = dict(zip(both, sides(people(both), RandomSplit(0.3), seed=seed, **NAMES), strict=True))
    assert alone == {name: among[name] for name in alone}


@pytest.mark.parametrize("stratify", [None, "target"])
def test_the_share_held_out_is_the_one_asked_for(stratify):
    found = sides(people([str(i) for i in range(20_000)]), RandomSplit(0.2, stratify), seed=7, **NAMES)
    assert found.count("holdout") == pytest.approx(4000, abs=4 * (20_000 * 0.2 * 0.8) ** 0.5)


def test_a_drawn_number_never_changes():
    assert [0.49427124232073544] == draws(["7|12"]).tolist()


def test_another_seed_is_another_split():
    frame = people([str(i) for i in range(100)])
    one, other = (sides(frame, RandomSplit(0.5), seed=seed, **NAMES) for seed in (1, 2))
    assert one != other


def test_by_time_the_newest_are_held_out_and_the_gap_left_out():
    frame = people(["a", "b", "c", "d"])
    frame["at"] = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 4, 6, 10)]
    split = TimeSplit(holdout=timedelta(days=3), gap=timedelta(days=2))
    assert ["train", "train", "gap", "holdout"] == sides(frame, split, seed=0, **NAMES)
