"""The gate `controls`: met, not met, unknown, each by what is recorded; nothing is asserted, and nothing is called compliant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import yaml

from headrace import registry
from headrace.builtin.gates.controls import SHIPPED, Params, judge
from headrace.compiled import CardConfig
from headrace.gates import ByPlugin, Minimum
from headrace.hooks import HeldOut, Records
from headrace.store.events import EventKind, append

OWN = """
catalogue: own
title: Ours
controls:
  - {id: kept, title: The rows are kept, evidence: [lineage.data]}
  - {id: good, title: It is good, evidence: [judged.roc_auc]}
  - {id: carded, title: It has a card, evidence: [card.complete]}
  - {id: asked, title: Somebody asked, evidence: []}
"""


def given(text: str = OWN, **facts) -> HeldOut:
    known = {"lineage.data": True, "judged.roc_auc": True, "card.complete": True} | {
        key.replace("__", "."): fact for key, fact in facts.items()
    }
    records = Records(known, dict.fromkeys(known, "as recorded"), datetime(2024, 1, 1, tzinfo=UTC))
    rows = pd.DataFrame({"age": [1.0, 2.0]})
    return HeldOut(rows, np.array([0.0, 1.0]), np.array([0.1, 0.9]), records=records, file=lambda _: (text.encode(), "sha256:0"))


def outcomes(held: HeldOut, **params) -> tuple[bool, dict[str, str]]:
    found = judge(held, Params(catalogue="own.yaml", **params), seed=7)
    return found.passed, {name: told["outcome"] for name, told in found.evidence["controls"].items()}


def test_a_control_is_met_by_facts_alone() -> None:
    assert (False, {"kept": "met", "good": "met", "carded": "met", "asked": "unknown"}) == outcomes(given())


def test_one_fact_that_does_not_hold_is_not_met_and_one_that_nobody_recorded_is_unknown() -> None:
    passed, found = outcomes(given(judged__roc_auc=False, card__complete=None), unknown="allow")
    assert (False, "not met", "unknown") == (passed, found["good"], found["carded"])


def test_unknown_blocks_unless_it_is_allowed() -> None:
    assert [False, True] == [outcomes(given(), unknown=word)[0] for word in ("block", "allow")]


def test_a_control_that_does_not_apply_is_told_with_its_reason() -> None:
    held = given()
    assert (True, "not applicable") == (
        outcomes(held, not_applicable={"asked": "nobody asks"})[0],
        outcomes(held, not_applicable={"asked": "nobody asks"})[1]["asked"],
    )
    nothing = judge(held, Params(catalogue="own.yaml", only=("asked",), not_applicable={"asked": "nobody asks"}), seed=7)
    assert (False, 0) == (nothing.passed, nothing.n)


@pytest.mark.parametrize(
    ("text", "params", "says"),
    [
        (OWN, {"only": ("caded",)}, "it has no control `caded`"),
        (OWN, {"not_applicable": {"x": "y"}}, "it has no control `x`"),
        (OWN + OWN[OWN.index("  - {id: kept") :], {}, "it has the control `kept` twice"),
        ("controls: [", {}, "it is no YAML"),
        ("catalogue: a\ntitle: b\ncontrols: []", {}, "`controls`"),
        (OWN, {"catalogue": "iso-42001"}, "there are eu-ai-act, sr-11-7"),
        ("!!python/object/apply:os.system ['true']", {}, "it is no YAML"),
    ],
)
def test_a_catalogue_that_cannot_be_read_fails(text: str, params: dict, says: str) -> None:
    found = judge(given(text), Params(**{"catalogue": "own.yaml", **params}), seed=7)
    assert (False, True) == (found.passed, says in found.reason), found.reason


def test_without_records_or_a_project_it_fails() -> None:
    assert not judge(replace(given(), records=None), Params(catalogue="sr-11-7"), seed=7).passed
    assert "no project" in judge(replace(given(), file=None), Params(catalogue="own.yaml"), seed=7).reason


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_catalogue_is_met_in_nothing_by_no_records_and_claims_nothing(path) -> None:
    nothing = replace(given(), records=Records({}, {}, datetime(2024, 1, 1, tzinfo=UTC)))
    found = judge(nothing, Params(catalogue=path.stem, unknown="allow"), seed=7)
    assert {"unknown"} == {told["outcome"] for told in found.evidence["controls"].values()}
    assert path.stem == yaml.safe_load(path.read_text())["catalogue"]
    assert "complian" not in path.read_text().lower() + found.reason.lower()


def test_what_is_recorded_of_a_version_decides(candidate, asked, rows, store) -> None:
    def draw(rng, n):
        age = rng.normal(40, 10, n)
        return {"age": age, "left": (age + rng.normal(0, 8, n) > 40).astype(float)}

    version = candidate(rows(600, draw), {"age": "number"})
    before = (Minimum("quality", "roc_auc", min=0.7), ByPlugin("leaks", "leakage"), Minimum("far", "roc_auc", min=0.999))
    said = asked(version, "controls", before=before, catalogue="eu-ai-act")
    found = {name: told["outcome"] for name, told in said["evidence"]["controls"].items()}
    assert not said["passed"]
    assert {"identified": "met", "development": "met", "data-leakage": "met"}.items() <= found.items()
    assert {"described": "not met", "oversight": "unknown", "risk-management": "unknown", "monitoring": "unknown"}.items() <= found.items()
    other = asked(version, "controls", before=before, catalogue="sr-11-7")["evidence"]["controls"]
    assert ("not met", {"gates.passed": False}) == (other["limits"]["outcome"], other["limits"]["facts"])
    assert "1 of 3 gates before this one failed: far" == other["limits"]["because"]["gates.passed"]
    with store.transaction("test", "write", "card") as session:
        append(session, model="churn", kind=EventKind.APPROVAL_DECIDED, payload={"number": 1, "approved": False}, at=store.clock.now())
    later = asked(version, "controls", catalogue="sr-11-7")["evidence"]["controls"]
    assert ["not met"] * 2 == [later[name]["outcome"] for name in ("documentation", "approval")]


def test_a_card_counts_as_this_judgement_leaves_it(candidate, asked, rows, store) -> None:
    version = candidate(rows(300, lambda rng, n: {"age": rng.normal(size=n), "left": np.arange(n) % 2.0}), {"age": "number"})
    says = {
        "Purpose": "It ranks customers for the retention team, which calls the first hundred of a week.",
        "Data": "Rows are orders of the web shop of two years; customers agreed to it in the terms of sale.",
        "Limitations": "Nobody knows how it does in weeks with a holiday, of which the rows hold only four.",
    }
    own = CardConfig(
        file="cards/churn.md", risk="low", sections=(), owner="growth", description="Who leaves?", sensitive=(), drift=(), performance=None,
        alerts=(), retraining=(), rollout="canary", fallback=None,
    )  # fmt: skip
    declared = registry.Declared(own, "\n".join(f"## {title}\n\n{text}\n" for title, text in says.items()))
    with store.transaction("test", "write", "card") as session:
        registry.write_card(session, version, at=store.clock.now(), said=declared)

    def described(*before) -> tuple[str, str]:
        told = asked(version, "controls", before=before, catalogue="eu-ai-act", only=("described",))["evidence"]["controls"]["described"]
        return told["outcome"], told["because"]["card.complete"]

    told = "with what the gates before this one said its card has"
    assert ("met", f"{told} 7 of 7 parts") == described(Minimum("quality", "roc_auc", min=0.1))
    assert ("not met", f"{told} 6 of 7 parts; it lacks evidence of evaluation") == described()


def test_lost_training_rows_are_not_met(candidate, asked, rows, store) -> None:
    version = candidate(rows(300, lambda rng, n: {"age": rng.normal(size=n), "left": np.arange(n) % 2.0}), {"age": "number"})
    store.blobs.path(version.manifest["digests"]["data"]).unlink()
    told = asked(version, "controls", catalogue="sr-11-7", only=["development"])["evidence"]["controls"]["development"]
    assert ("not met", False) == (told["outcome"], told["facts"]["lineage.data"])
