from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.monitoring.rules import Transition, fingerprint, first, transitions, values

HELD = {"T": True, "F": False, "-": None}


def history(text: str) -> list[tuple[int, bool | None]]:
    return [(number, HELD[letter]) for number, letter in enumerate(text, start=1)]


def told(found: Sequence[Transition]) -> str:
    return " ".join(f"{change.to}@{change.window}" for change in found)


@pytest.mark.parametrize(
    ("held", "windows", "expected"),
    [
        ("FFT", 1, "firing@3"),
        ("TT", 1, "firing@1"),
        ("TF", 1, "firing@1 resolved@2"),
        ("TTF", 2, "firing@2 resolved@3"),
        ("TFTT", 2, "firing@4"),
        ("T-T", 2, "firing@3"),
        ("T--", 1, "firing@1"),
        ("T-F", 1, "firing@1 resolved@3"),
        ("---", 1, ""),
        ("", 1, ""),
        ("TFT", 1, "firing@1 resolved@2 firing@3"),
    ],
)
def test_an_alert_fires_and_is_resolved(held: str, windows: int, expected: str) -> None:
    assert expected == told(transitions(history(held), windows))


@given(st.text("TF-", max_size=40), st.integers(1, 4), st.integers(0, 40))
def test_asking_in_two_parts_is_asking_once(held: str, windows: int, cut: int) -> None:
    whole = transitions(history(held), windows)
    before = transitions(history(held[:cut]), windows)
    after = transitions(history(held), windows, firing=bool(before) and before[-1].to == "firing", through=min(cut, len(held)))
    assert whole == before + after


@given(st.text("TF-", max_size=40), st.integers(1, 4))
def test_states_alternate_from_firing(held: str, windows: int) -> None:
    found = transitions(history(held), windows)
    assert all(a.to != b.to and a.window < b.window for a, b in pairwise(found))
    assert not found or found[0].to == "firing"


@pytest.mark.parametrize(
    ("held", "since", "expected"),
    [
        ("TFFT", 3, "firing@4"),  # what came and went before is not told
        ("TF", 2, ""),
        ("FTT", 3, "firing@2"),  # it fires still: a new rule over old windows says so
        ("FTF", 2, ""),  # it was never told that it fires
        ("FTFT", 2, "firing@4"),
        ("TF", 0, "firing@1 resolved@2"),
    ],
)
def test_a_new_rule_does_not_tell_of_the_past(held: str, since: int, expected: str) -> None:
    assert expected == told(first(history(held), 1, since))


def test_a_fingerprint_is_of_model_and_rule_alone() -> None:
    prints = {fingerprint(model, rule) for model in ("a", "b") for rule in ("x", "y")}
    assert (4, 64) == (len(prints), len(fingerprint("a", "x")))


def test_quantities_have_the_names_that_conditions_use() -> None:
    drift = {"share": 0.1, "max": 0.3, "critical": 1}
    assert {
        "unseen.share": 0.0,
        "drift.share": 0.1,
        "drift.max": 0.3,
        "drift.critical": 1,
        "estimate.roc_auc": 0.9,
        "performance.roc_auc": None,
    } == values(drift, {"metric": "roc_auc", "value": 0.9}, {"metric": "roc_auc", "value": None}, 0.0)


def test_what_is_not_measured_is_unknown() -> None:
    assert {"unseen.share": None, "drift.share": None, "drift.max": None, "drift.critical": None} == values(None, None, None, None)
