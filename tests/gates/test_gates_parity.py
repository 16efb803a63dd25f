"""The gate `parity`: what servers read is what training holds, to the last value; and nothing to compare is no pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.builtin.gates.parity import GATE, Params, judge
from headrace.gates.facts import Absent, Facts
from headrace.gates.ruling import ruled
from headrace.gates.values import ByPlugin
from headrace.hooks import HeldOut, Live

HELD = pd.DataFrame({"spend": [1.5, 0.1 + 0.2, None], "town": ["north", None, "west"]}, dtype=object)
LIVE = Live(["7", "8", "9"], [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)], HELD.copy(), HELD.copy(), None)


def said(live: Live | None, **params: Any) -> tuple[bool, float | None, str]:
    given = HeldOut(pd.DataFrame({"spend": [1.0]}), np.array([1.0]), np.array([0.5]), live=live)
    found = judge(given, Params(**params), seed=7)
    return found.passed, found.value, found.reason


def offline(place: int, name: str, value: Any) -> Live:
    frame = HELD.copy()
    frame.loc[place, name] = value
    return replace(LIVE, offline=frame)


def test_equal_values_pass() -> None:
    assert (True, 0.0, "0 of 6 values of 3 entities and moments differ, and at most 0 may") == said(LIVE)


def test_floats_may_differ_by_the_order_of_their_additions() -> None:
    assert said(offline(1, "spend", 0.3))[0]
    assert not said(offline(1, "spend", 0.3), tolerance=0.0)[0]


@pytest.mark.parametrize(
    ("place", "name", "value"), [(0, "spend", 1.5001), (2, "spend", 0.0), (0, "spend", None), (0, "town", "south"), (1, "town", "x")]
)
def test_one_value_that_differs_fails_and_is_named(place: int, name: str, value: Any) -> None:
    passed, count, reason = said(offline(place, name, value))
    assert (False, 1.0) == (passed, count)
    assert f"`{name}` of {LIVE.entity[place]} at 2024-01-0{place + 1} 00:00:00 is" in reason
    assert said(offline(place, name, value), max=1)[0]


def test_what_requests_were_answered_from_is_compared_too() -> None:
    stale = HELD.copy()
    stale.loc[0, "spend"] = 1.0
    live = replace(LIVE, journalled=stale)
    assert [False, False, True] == [said(live, of=of)[0] for of in ("both", "journalled", "online")]
    assert not said(LIVE, of="journalled")[0]


@pytest.mark.parametrize("live", [None, Live([], [], HELD.head(0), HELD.head(0), None)])
def test_nothing_to_compare_fails(live: Live | None) -> None:
    assert (False, None, "there is no live data to compare") == said(live)


def test_live_data_that_cannot_be_had_fails_with_its_reason() -> None:
    facts = Facts(
        np.array([1.0]), np.array([0.5]), live=Absent("feature_view/basket was not brought in yet"), rows=pd.DataFrame({"a": [1]})
    )
    found = ruled(ByPlugin(id="same", gate="parity", params={}), GATE, facts, 7)
    assert (False, "there is nothing to compare: feature_view/basket was not brought in yet") == (found.passed, found.reason)
