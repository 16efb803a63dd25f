"""Which variant somebody gets: the first rule that matches, shares dealt by the unit, and nothing by chance."""

from __future__ import annotations

from typing import Any

import pytest
from flag_values import flag, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.flags import Code, Evaluated, Reason, Unanswered, evaluate

PILOTS = rule("pilots", "on", tenant=["acme", "globex"])
FEW = rule("few", split={"on": 0.1, "off": 0.9})
UNITS = [str(number) for number in range(2000)]


def dealt(split: dict[str, float], units: list[str] = UNITS, salt: str = "shown", **more: Any) -> dict[str, str]:
    """Each unit's variant."""
    made = flag(rule(split=split), variants={name: name for name in split}, default=next(iter(split)), **more)
    found = {unit: evaluate(made, salt, {"person_id": unit}) for unit in units}
    return {unit: told.variant for unit, told in found.items() if isinstance(told, Evaluated)}


@pytest.mark.parametrize(
    ("attributes", "variant", "reason", "by"),
    [
        ({"tenant": "acme"}, "on", Reason.TARGETING_MATCH, "pilots"),
        ({"tenant": "globex", "person_id": 7}, "on", Reason.TARGETING_MATCH, "pilots"),
        ({"tenant": "other", "person_id": 7}, "off", Reason.SPLIT, "few"),
        ({"person_id": 7}, "off", Reason.SPLIT, "few"),
    ],
)
def test_the_first_rule_that_matches_decides(attributes: dict[str, Any], variant: str, reason: Reason, by: str) -> None:
    assert Evaluated("shown", variant, variant == "on", reason, by) == evaluate(flag(PILOTS, FEW), "shown", attributes)


def test_all_attributes_of_a_rule_must_match() -> None:
    made = flag(rule("both", "on", tenant=["acme"], country=["de", "fr"]))
    told = [evaluate(made, "s", {"tenant": "acme", "country": country}) for country in ("de", "it")]
    told.append(evaluate(made, "s", {"tenant": "acme"}))
    assert [("on", Reason.TARGETING_MATCH), ("off", Reason.DEFAULT), ("off", Reason.DEFAULT)] == [
        (each.variant, each.reason) for each in told if isinstance(each, Evaluated)
    ]


@pytest.mark.parametrize(
    ("value", "given", "matches"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, "1", False),
        (1, True, False),
        (True, True, True),
        (True, 1, False),
        (False, 0, False),
        ("1", 1, False),
        ("true", True, False),
        ("a", ["a"], False),
        ("a", None, False),
        ("a", "A", False),
    ],
)
def test_a_value_matches_one_of_its_own_type_alone(value: Any, given: object, *, matches: bool) -> None:
    told = evaluate(flag(rule("r", "on", x=[value])), "s", {"x": given})
    assert isinstance(told, Evaluated)
    assert ("on" if matches else "off") == told.variant


def test_a_flag_that_is_switched_off_gives_everybody_the_default() -> None:
    told = evaluate(flag(PILOTS, FEW, enabled=False), "shown", {"tenant": "acme"})
    assert Evaluated("shown", "off", False, Reason.DISABLED) == told


def test_a_flag_without_rules_is_the_same_for_all() -> None:
    assert Evaluated("shown", "off", False, Reason.STATIC) == evaluate(flag(), "shown", {})


@pytest.mark.parametrize("given", [{}, {"person_id": None}, {"person_id": ""}, {"targetingKey": "7"}])
def test_without_its_unit_a_share_has_no_answer(given: dict[str, Any]) -> None:
    told = evaluate(flag(FEW), "shown", given)
    assert isinstance(told, Unanswered)
    assert (Code.TARGETING_KEY_MISSING, "rule `few` deals shares by `person_id`, which is not there") == (told.code, told.why)


@pytest.mark.parametrize("given", [True, 1.5, ["7"], {"id": 7}])
def test_a_unit_that_is_no_text_and_no_whole_number_has_no_answer(given: object) -> None:
    told = evaluate(flag(FEW), "shown", {"person_id": given})
    assert isinstance(told, Unanswered)
    assert Code.INVALID_CONTEXT == told.code


def test_a_unit_is_the_same_as_a_number_and_as_a_text() -> None:
    made = flag(FEW)
    for unit in range(200):
        assert 1 == len({evaluate(made, "shown", {"person_id": given}) for given in (unit, float(unit), str(unit))})


def test_the_shares_come_out_and_each_salt_deals_anew() -> None:
    first, other = dealt({"on": 0.3, "off": 0.7}), dealt({"on": 0.3, "off": 0.7}, salt="other")
    # 2,000 units: four standard deviations of a share of 0.3 are 0.041.
    assert all(abs(list(each.values()).count("on") / len(UNITS) - 0.3) < 0.041 for each in (first, other))
    both = sum(first[unit] == other[unit] == "on" for unit in UNITS) / len(UNITS)
    assert abs(both - 0.09) < 0.026


@given(
    shares=st.lists(st.integers(1, 20), min_size=2, max_size=4),
    raised=st.integers(0, 3),
    units=st.lists(st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable()), min_size=1, max_size=60, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_a_share_that_is_raised_takes_units_and_moves_none_between_the_others(shares: list[int], raised: int, units: list[str]) -> None:
    at = raised % len(shares)
    more = [share * (2 if place == at else 1) for place, share in enumerate(shares)]
    before, after = ({str(i): n / sum(each) for i, n in enumerate(each)} for each in (shares, more))
    one, again, two = dealt(before, units), dealt(before, list(reversed(units))), dealt(after, units)
    assert one == again
    assert {str(at)} >= {two[unit] for unit in units if one[unit] != two[unit]}
