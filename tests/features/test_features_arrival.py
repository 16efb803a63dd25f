"""When rows arrive that know only their year."""

import pandas as pd
import pytest

from headrace.diagnostics import HeadraceError
from headrace.features import arrivals


def years(*counts):
    return pd.DataFrame({"year": [year for year, count in counts for _ in range(count)]})


def test_rows_in_the_files_order_stand_evenly_in_their_year():
    got = arrivals(years((2019, 2), (2020, 1)), "year", "file", 0)
    assert ["2019-04-02T06:00:00+00:00", "2019-10-01T18:00:00+00:00", "2020-07-02T00:00:00+00:00"] == [at.isoformat() for at in got]


def test_a_random_order_takes_the_same_moments():
    frame = years((2019, 50), (2020, 30))
    in_order, drawn = (sorted(arrivals(frame, "year", order, 7)) for order in ("file", "random"))
    assert in_order == drawn


def test_the_order_is_the_seeds():
    frame = years((2019, 100))
    first, again, other = (arrivals(frame, "year", "random", seed).tolist() for seed in (7, 7, 8))
    assert (True, False) == (first == again, first == other)


def test_the_drawn_order_never_changes():
    got = arrivals(years((2015, 5)), "year", "random", 7)
    assert [1, 0, 2, 3, 4] == got.rank().astype(int).sub(1).tolist()


def test_a_year_does_not_disturb_another():
    alone = arrivals(years((2019, 20)), "year", "random", 7)
    beside = arrivals(years((2018, 3), (2019, 20)), "year", "random", 7)
    assert alone.tolist() == beside.tolist()[3:]


def test_moments_stand_on_the_frames_index():
    frame = years((2019, 3)).set_index(pd.Index([5, 9, 2]))
    assert [5, 9, 2] == arrivals(frame, "year", "file", 0).index.tolist()


@pytest.mark.parametrize("value", [None, 2019.5, 12, "soon"])
def test_what_is_no_year_is_named(value):
    with pytest.raises(HeadraceError, match=r"bad-year.*row 2"):
        arrivals(pd.DataFrame({"year": [2019, value]}, dtype=object), "year", "random", 0)


@pytest.mark.parametrize(
    ("values", "told"), [([2019, None], "nan"), ([2019.5, 2019], "2019.5"), (["2019", "soon"], "soon"), ([12, 2019], "12")]
)
def test_what_is_no_year_is_told_as_it_is(values, told):
    with pytest.raises(HeadraceError, match=rf"`year` holds `{told}` in row"):
        arrivals(pd.DataFrame({"year": values}), "year", "random", 0)
