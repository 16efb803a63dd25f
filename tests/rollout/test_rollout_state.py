from itertools import product

import pytest

from headrace.rollout import IllegalMove, State
from headrace.rollout.state import MOVES, moved


def reachable(start):
    found, edge = set(), {start}
    while edge:
        found |= edge
        edge = {after for before in edge for after in MOVES[before]} - found
    return found


def test_a_failed_rollout_is_never_active():
    assert State.ACTIVE not in reachable(State.FAILED)


def test_what_was_rolled_back_stays_so():
    assert reachable(State.ROLLED_BACK) == {State.ROLLED_BACK}


def test_every_state_is_reached_from_the_first():
    assert reachable(State.PENDING) == set(State)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_the_table_decides_every_move(before, after):
    if after in MOVES[before]:
        assert moved(before.value, after) is after
    else:
        with pytest.raises(IllegalMove):
            moved(before.value, after)
