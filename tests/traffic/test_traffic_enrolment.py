"""Who takes part in an experiment: exactly as many as said, never dealt again, and nobody in two of one layer."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from headrace.traffic import OUTSIDE, Among, assigning, enrol_all, enrolling, slots
from headrace.traffic.enrolment import among

UNITS = [str(n) for n in range(20_000)]
EVEN = (("champion", 0.5), ("candidate", 0.5))


def dealt(who, weights=EVEN, model="employment"):
    arm = enrolling(model, weights, who)
    return [arm(unit) for unit in UNITS]


def inside(who, **more):
    return {unit for unit, arm in zip(UNITS, dealt(who, **more), strict=True) if arm != OUTSIDE}


def test_where_everyone_takes_part_it_is_the_assignment_itself():
    assert enrolling("employment", EVEN, None) is assigning("employment", EVEN)


def test_known_units_take_part_for_ever():
    everything = Among("x", coverage=0.3, layer="ads", slots=((0.1, 0.3), (0.5, 0.6)), holdout=0.1)
    told = [enrolling("m", EVEN, everything)(str(n)) for n in range(40)]
    assert {n: arm for n, arm in enumerate(told) if arm != OUTSIDE} == KNOWN_OF_A_LAYER
    told = [enrolling("m", EVEN, Among("x", coverage=0.2))(str(n)) for n in range(40)]
    assert {n: arm for n, arm in enumerate(told) if arm != OUTSIDE} == KNOWN_OF_A_COVERAGE


KNOWN_OF_A_LAYER = {
    4: "champion",
    5: "champion",
    9: "candidate",
    11: "champion",
    12: "candidate",
    15: "candidate",
    21: "champion",
    26: "champion",
    30: "champion",
    37: "candidate",
}
KNOWN_OF_A_COVERAGE = {2: "candidate", 5: "champion", 6: "champion", 19: "champion", 25: "champion", 37: "candidate"}


def test_no_coverage_is_nobody_and_all_of_it_is_everyone():
    assert inside(Among("x", coverage=0.0)) == set()
    assert inside(Among("x", coverage=0.0, layer="ads")) == set()
    assert inside(Among("x", coverage=1.0, layer="ads", slots=((0.0, 1.0),))) == set(UNITS) == inside(Among("x"))


@pytest.mark.parametrize(
    ("who", "share"),
    [
        (Among("x", coverage=0.2), 0.2),
        (Among("x", coverage=0.3, layer="ads", slots=((0.0, 0.1), (0.7, 0.9))), 0.3),
        (Among("x", holdout=0.05), 0.95),
        (Among("x", coverage=0.4, holdout=0.25), 0.3),
    ],
)
def test_as_many_take_part_as_said_and_their_arms_are_even(who, share):
    told = dealt(who)
    seen = [told.count(arm) for arm in (OUTSIDE, "champion", "candidate")]
    assert chisquare(seen, [len(UNITS) * one for one in (1 - share, share / 2, share / 2)]).pvalue > 0.001


def test_a_raised_coverage_adds_units_and_deals_nobody_again():
    low, high = (dealt(Among("x", coverage=coverage)) for coverage in (0.2, 0.5))
    changed = {(a, b) for a, b in zip(low, high, strict=True) if a != b}
    assert changed == {(OUTSIDE, "champion"), (OUTSIDE, "candidate")}


def test_a_raised_coverage_in_a_layer_adds_units_and_deals_nobody_again():
    begun = slots([(0.2, 0.6)], 0.3)
    raised = slots([(0.2, 0.6)], 0.5, own=begun)
    low, high = (dealt(Among("x", layer="ads", slots=given)) for given in (begun, raised))
    assert {a for a, b in zip(low, high, strict=True) if a != b} == {OUTSIDE}


def test_two_experiments_of_a_layer_share_no_unit_and_leave_none_out():
    one = slots([], 0.35)
    other = slots(one, 0.65)
    first, second = (inside(Among("x", layer="ads", slots=given), model=model) for given, model in ((one, "a"), (other, "b")))
    assert (first & second, first | second) == (set(), set(UNITS))


def test_a_layer_and_a_coverage_know_nothing_of_each_other():
    one, other = inside(Among("x", layer="ads", slots=((0.0, 0.5),))), inside(Among("y", coverage=0.5))
    assert len(one & other) / len(UNITS) == pytest.approx(0.25, abs=0.015)


def test_whom_one_holds_out_all_hold_out():
    held = set(UNITS) - inside(Among("x", holdout=0.05), model="a")
    assert held
    assert not held & inside(Among("y", coverage=0.8, holdout=0.05), model="b")
    assert not held & inside(Among("z", layer="ads", slots=((0.0, 1.0),), holdout=0.1), model="c")


def test_other_arms_move_those_who_take_part_and_nobody_else():
    who = Among("x", coverage=0.3)
    before, after = dealt(who), dealt(who, (("champion", 0.4), ("candidate", 0.6)))
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert (set(moved), len(moved) / len(inside(who)) <= 0.11) == ({("champion", "candidate")}, True)


def test_what_the_store_keeps_is_read_back():
    who = Among("x", coverage=0.3, layer="ads", slots=((0.1, 0.3), (0.5, 0.6)), holdout=0.1)
    assert among(who.to_json()) == who


shares = st.floats(0.0, 1.0)
someone = st.builds(
    Among,
    st.just("x"),
    coverage=shares,
    layer=st.none() | st.just("ads"),
    slots=st.lists(st.tuples(shares, shares).map(sorted).map(tuple), max_size=3).map(tuple),
    holdout=st.just(0.0) | st.floats(0.0, 0.9),
)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=40), someone)
def test_many_units_have_the_arms_that_each_has(units, who):
    told = enrol_all("m", units, EVEN, who)
    arms = {at: arm for arm, rows in told.items() for at in rows.tolist()}
    assert [enrolling("m", EVEN, who)(unit) for unit in units] == [arms[at] for at in range(len(units))]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.randoms())
def test_a_layer_whose_coverages_fit_has_room_for_each_in_any_order(widths, order):
    """Experiments come, grow and end; whoever runs keeps its slots, and no two overlap."""
    widths = [width for at, width in enumerate(widths) if sum(widths[: at + 1]) <= 100]
    running: dict[int, tuple[tuple[float, float], ...]] = {}
    for _ in range(12):
        at = order.randrange(len(widths))
        if at in running and order.random() < 0.5:
            del running[at]
            continue
        taken = [slot for other, given in running.items() if other != at for slot in given]
        own = running.get(at, ())
        before = sum(high - low for low, high in own)
        width = max(before, widths[at] / 100 * order.choice([0.5, 1.0]))
        given_ = slots(taken, width, own)
        assert given_ is not None
        assert sum(high - low for low, high in given_) == pytest.approx(width, abs=1e-8)
        assert all(any(low <= a and b <= high for low, high in given_) for a, b in own)
        running[at] = given_
        bounds = sorted(slot for given in running.values() for slot in given)
        assert all(high <= low for (_, high), (low, _) in pairwise(bounds))


def test_a_layer_that_is_full_has_no_room():
    assert slots([(0.0, 0.6), (0.7, 1.0)], 0.2) is None
