"""How many values back a lag is, where several events have one time."""

import pytest

from headrace.features.online.aggregate import _newest

NEWEST_FIRST = [(9, 1.0), (7, None), (5, 2.0), (5, 4.0), (5, None), (3, 8.0)]
"""Times and values."""


@pytest.mark.parametrize(("back", "value"), [(0, 1.0), (1, 4.0), (2, 2.0), (3, 8.0)])
def test_each_of_several_events_of_one_time_is_counted(back, value):
    assert value == _newest(NEWEST_FIRST, (1,), 1, back)[1]


def test_before_the_oldest_value_there_is_none():
    assert _newest(NEWEST_FIRST, (1,), 1, 4) is None
