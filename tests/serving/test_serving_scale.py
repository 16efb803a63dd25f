"""How many workers there should be is decided by facts alone."""

import itertools
from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.serving.fleet import Facts, Pace, decide
from headrace.serving.fleet.scale import AIM, CROWD, GROW_ABOVE, SHRINK_BELOW, load, spare

PACE = Pace()
QUIET = Facts(least=1, most=8, wanted=2, running=2, load=0.6, since=1000.0, calm=0.0)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param(QUIET, 2, id="what suffices stays"),
        pytest.param(replace(QUIET, load=0.9), 3, id="too much load is another worker"),
        pytest.param(replace(QUIET, wanted=4, running=4, load=1.0), 7, id="so many that the load comes to its aim"),
        pytest.param(replace(QUIET, most=2, load=1.0), 2, id="never more than the most"),
        pytest.param(replace(QUIET, load=0.9, since=1.0), 2, id="a change stands for a while before the next"),
        pytest.param(replace(QUIET, wanted=3, load=0.9), 3, id="what starts is waited for"),
        pytest.param(replace(QUIET, running=1, load=0.1, calm=31.0), 2, id="one that died is wanted as before"),
        pytest.param(replace(QUIET, load=0.1, calm=31.0), 1, id="what was spare for long goes"),
        pytest.param(replace(QUIET, load=0.1, calm=29.0), 2, id="what was spare for a moment stays"),
        pytest.param(replace(QUIET, load=0.1, calm=31.0, since=10.0), 2, id="nothing goes that has only come"),
        pytest.param(replace(QUIET, load=0.1, calm=1000.0, least=2), 2, id="never fewer than the least"),
        pytest.param(replace(QUIET, load=0.4, calm=1000.0), 2, id="one fewer would be too loaded"),
        pytest.param(replace(QUIET, wanted=1, running=0, load=0.0, least=2), 2, id="with none, the least"),
        pytest.param(replace(QUIET, wanted=6, running=6, most=4), 4, id="what is over the most goes"),
    ],
)
def test_a_decision(facts: Facts, wanted: int) -> None:
    assert wanted == decide(facts, PACE)


def test_the_load_of_a_worker_is_its_processor_or_its_crowd() -> None:
    assert (0.3, 0.5, 1.0) == (load(0.3, 1.0), load(0.1, CROWD / 2), load(0.2, 10.0 * CROWD))


FACTS = st.builds(
    Facts,
    least=st.integers(1, 8),
    most=st.integers(8, 16),
    wanted=st.integers(0, 20),
    running=st.integers(0, 20),
    load=st.floats(0, 1),
    since=st.floats(0, 100),
    calm=st.floats(0, 100),
)


@given(FACTS)
def test_it_stays_within_its_bounds(facts: Facts) -> None:
    assert facts.least <= decide(facts, PACE) <= facts.most


@given(st.floats(0.05, 7.5), st.integers(1, 8))
def test_a_demand_that_stays_comes_to_a_number_that_stays(demand: float, running: int) -> None:
    """Growth is never taken back by the load that caused it, nor a shrinking made good again."""
    seen = [running]
    for _ in range(20):
        mean = min(1.0, demand / seen[-1])
        seen.append(decide(Facts(1, 8, seen[-1], seen[-1], mean, 1000.0, 1000.0 if spare(seen[-1], mean) else 0.0), PACE))
    assert seen[-1] == seen[-2]
    turns = [later - earlier for earlier, later in itertools.pairwise(seen) if later != earlier]
    assert turns == [] or all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)
    assert seen[-1] == 8 or demand / seen[-1] <= GROW_ABOVE or isclose(demand / seen[-1], GROW_ABOVE)


def test_the_bounds_leave_room_between_them() -> None:
    assert SHRINK_BELOW < AIM < GROW_ABOVE
