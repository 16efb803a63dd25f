"""P18: requests are dealt at the shares that were set, whatever the arms, the salt and who takes part."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from headrace.traffic import OUTSIDE, Among, enrol_all, enrolling

UNITS = [str(n) for n in range(20_000)]
ARMS = ("champion", "candidate", "third", "fourth")
NEVER = 1e-9
"""A shape this unlikely shows up in no run of this test."""


@st.composite
def shares(draw: st.DrawFn) -> tuple[tuple[str, float], ...]:
    parts = draw(st.lists(st.integers(1, 50), min_size=2, max_size=len(ARMS)))
    return tuple((arm, part / sum(parts)) for arm, part in zip(ARMS, parts, strict=False))


COVERAGES = st.integers(1, 100).map(lambda percent: percent / 100)
SALTS = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(model=SALTS, weights=shares(), coverage=COVERAGES, holdout=st.sampled_from([0.0, 0.05, 0.3]))
def test_every_arm_gets_its_share_of_those_who_take_part(
    model: str, weights: tuple[tuple[str, float], ...], coverage: float, holdout: float
) -> None:
    arm = enrolling(model, weights, Among("one", coverage=coverage, holdout=holdout))
    dealt = Counter(map(arm, UNITS))
    expected = {name: share * coverage * (1.0 - holdout) for name, share in weights}
    expected[OUTSIDE] = 1.0 - sum(expected.values())
    assert set(dealt) <= set(expected)
    wanted = {name: share * len(UNITS) for name, share in expected.items() if share > NEVER}
    assert all(dealt[name] == 0 for name in expected if name not in wanted)
    if len(wanted) > 1:
        scale = len(UNITS) / sum(wanted.values())
        assert chisquare([dealt[name] for name in wanted], [n * scale for n in wanted.values()]).pvalue > NEVER


@settings(deadline=None, max_examples=10)
@given(model=SALTS, weights=shares(), coverage=COVERAGES)
def test_many_at_once_are_dealt_as_one_by_one(model: str, weights: tuple[tuple[str, float], ...], coverage: float) -> None:
    who, units = Among("one", coverage=coverage), UNITS[:3000]
    arm, together = enrolling(model, weights, who), enrol_all(model, units, weights, who)
    told = {units[at]: name for name, places in together.items() for at in places.tolist()}
    assert told == {unit: arm(unit) for unit in units}
