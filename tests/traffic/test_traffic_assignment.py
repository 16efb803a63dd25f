import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from headrace.traffic import assign, assign_all

UNITS = [str(n) for n in range(20_000)]


def dealt(*weights, salt="employment"):
    return [assign(salt, unit, weights) for unit in UNITS]


def test_a_raised_arm_takes_units_and_gives_none():
    before, after = dealt(("champion", 0.5), ("candidate", 0.5)), dealt(("champion", 0.4), ("candidate", 0.6))
    moves = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    share = sum(a != b for a, b in zip(before, after, strict=True)) / len(UNITS)
    assert moves == {("champion", "candidate")}
    assert share == pytest.approx(0.099, abs=0.006)


def test_a_new_arm_moves_nobody_between_the_old_ones():
    before, after = dealt(("a", 0.5), ("b", 0.5)), dealt(("a", 0.45), ("b", 0.45), ("c", 0.1))
    moves = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert ({b for _, b in moves}, len(moves) / len(UNITS)) == ({"c"}, pytest.approx(0.1, abs=0.01))


def test_an_arm_without_weight_gets_nobody():
    assert set(dealt(("champion", 1.0), ("candidate", 0.0))) == {"champion"}
    assert set(dealt(("a", 0.5), ("b", 0.0), ("c", 0.5))) == {"a", "c"}


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5])
def test_units_arrive_at_the_share_that_was_set(share):
    seen = dealt(("champion", 1 - share), ("candidate", share), salt=f"salt {share}").count("candidate")
    assert chisquare([seen, len(UNITS) - seen], [share * len(UNITS), (1 - share) * len(UNITS)]).pvalue > 0.001


def test_two_models_deal_independently():
    one, other = (dealt(("a", 0.5), ("b", 0.5), salt=salt) for salt in ("churn", "employment"))
    assert sum(a == b for a, b in zip(one, other, strict=True)) / len(UNITS) == pytest.approx(0.5, abs=0.02)


@given(st.text(), st.text(), st.lists(st.floats(0.001, 1.0), min_size=2, max_size=5))
def test_the_order_of_the_arms_decides_nothing(salt, unit, shares):
    arms = [(f"arm{i}", share) for i, share in enumerate(shares)]
    assert assign(salt, unit, arms) == assign(salt, unit, arms[::-1])


@given(st.text(), st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_a_unit_of_the_candidate_stays_its_while_the_share_rises(unit, one, other):
    low, high = sorted((one, other))
    was, became = (assign("m", unit, (("champion", 1 - w), ("candidate", w))) for w in (low, high))
    assert (was, became) != ("candidate", "champion")


def test_known_units_keep_their_arm_for_ever():
    weights = (("champion", 0.8), ("candidate", 0.2))
    assert [n for n in range(60) if assign("employment", str(n), weights) == "candidate"] == [0, 3, 4, 26, 28, 31, 40, 46, 47, 48]


def test_no_weight_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="no arm"):
        assign("m", "1", [("champion", 0.0)])


@given(
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=50),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4).filter(any),
)
def test_many_units_have_the_arms_that_each_has(units, shares):
    weights = [(f"arm {at}", share) for at, share in enumerate(shares)]
    told = assign_all("m", units, weights)
    arms = {at: arm for arm, rows in told.items() for at in rows.tolist()}
    assert [assign("m", unit, weights) for unit in units] == [arms[at] for at in range(len(units))]
