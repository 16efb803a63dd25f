"""P21: a changed split deals the next request, moves no more units than it must, and moves them one way."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from test_p18_traffic_distribution import COVERAGES, SALTS, UNITS

from headrace.traffic import OUTSIDE, Among, enrolling

PERCENT = st.integers(1, 99)


def dealt(model: str, candidate: float, who: Among | None = None) -> list[str]:
    arm = enrolling(model, (("champion", 1.0 - candidate), ("candidate", candidate)), who)
    return [arm(unit) for unit in UNITS]


@settings(deadline=None, max_examples=40)
@given(model=SALTS, before=PERCENT, after=PERCENT)
def test_units_move_one_way_and_no_more_of_them_than_the_shares_do(model: str, before: int, after: int) -> None:
    one, other = dealt(model, before / 100), dealt(model, after / 100)
    moved = {(a, b) for a, b in zip(one, other, strict=True) if a != b}
    assert moved <= {("champion", "candidate") if after > before else ("candidate", "champion")}
    share = sum(a != b for a, b in zip(one, other, strict=True)) / len(UNITS)
    # Six standard errors of the share of 20,000 units.
    assert abs(share - abs(after - before) / 100) < 6 * 0.5 / len(UNITS) ** 0.5


def test_from_50_50_to_60_40_at_most_10_1_percent_move() -> None:
    """Of a million units: the bound is that of the share itself, with its error of 0.03 %."""
    units = [str(n) for n in range(1_000_000)]
    one, other = (enrolling("employment", (("champion", 1 - share), ("candidate", share)), None) for share in (0.5, 0.6))
    moved = [(a, b) for a, b in zip(map(one, units), map(other, units), strict=True) if a != b]
    assert ({("champion", "candidate")}, True) == (set(moved), len(moved) / len(units) <= 0.101)


@settings(deadline=None, max_examples=30)
@given(model=SALTS, share=PERCENT, few=COVERAGES, more=COVERAGES)
def test_a_raised_coverage_deals_nobody_again(model: str, share: int, few: float, more: float) -> None:
    few, more = sorted((few, more))
    one, other = (dealt(model, share / 100, Among("x", coverage=coverage)) for coverage in (few, more))
    assert all(a in {b, OUTSIDE} for a, b in zip(one, other, strict=True))
