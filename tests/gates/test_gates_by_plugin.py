"""A gate of a plugin's: its ruling is a verdict like any, and whatever goes wrong with it fails it with its reason."""

import dataclasses
import math
import time

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from headrace import gates, registry
from headrace.gates import ByPlugin, Facts
from headrace.gates.decide import decide
from headrace.gates.facts import Absent
from headrace.hooks import Gate, Ruling

HERE = __name__


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    max: float = Field(default=0.5, ge=0, description="The most.")


def _changes(given):
    given.predictions.fill(0.0)
    given.target.sort()
    given.rows["age"] = 0.0
    return Ruling(passed=True, reason="well")


GIVES = {
    "right": lambda given: Ruling(passed=np.True_, reason="all is well", value=0.25, threshold=0.5, n=len(given.target)),
    "infinite": lambda _: Ruling(passed=True, reason="so few rows", value=0.25, high=math.inf),
    "nan": lambda _: Ruling(passed=True, reason="half of it", value=math.nan),
    "nan-bound": lambda _: Ruling(passed=True, reason="half of it", value=0.1, low=math.nan),
    "none": lambda _: None,
    "bool": lambda _: True,
    "text": lambda _: Ruling(passed="yes", reason="well"),
    "no-reason": lambda _: Ruling(passed=True, reason=" "),
    "text-value": lambda _: Ruling(passed=True, reason="well", value="much"),
    "shown": lambda _: Ruling(passed=True, reason="well", evidence={"by": np.float64(0.5), "of": np.arange(2)}),
    "no-json": lambda _: Ruling(passed=True, reason="well", evidence={"by": object()}),
    "no-object": lambda _: Ruling(passed=True, reason="well", evidence=[1, 2]),
    "too-much": lambda _: Ruling(passed=True, reason="well", evidence={"by": "x" * 32_000}),
    "raises": lambda _: 1 / 0,
    "changes": _changes,
}


def judge(held_out, params, *, seed):
    return GIVES[WHICH[0]](held_out)


def hangs(held_out, params, *, seed):
    time.sleep(60)


def ends(held_out, params, *, seed):
    raise SystemExit(3)


def compares(held_out, params, *, seed):
    told = "nobody" if held_out.champion is None else f"{np.mean(held_out.champion):.3f}"
    return Ruling(passed=True, reason=f"{told}, {seed}, {list(held_out.rows)}", n=len(held_out.rows))


WHICH = ["right"]
KIND = Gate("mine", f"{HERE}:judge", f"{HERE}:Params")
ASKED = ByPlugin("own", "mine")


@pytest.fixture
def facts(people):
    held = people[300:]
    return Facts(held["left"].to_numpy(), np.linspace(0.1, 0.9, 300), rows=held[["age", "sex"]])


def said(facts, which: str = "right", gate: ByPlugin = ASKED, kind: Gate | None = KIND):
    WHICH[0] = which
    return decide(gate, facts, {}, 7, {} if kind is None else {"mine": kind})


def test_a_ruling_becomes_a_verdict_of_plain_values(facts) -> None:
    found = said(facts)
    assert gates.Judged("own", "mine", passed=True, mode="block", reason="all is well", value=0.25, threshold=0.5, n=300) == found
    assert bool is type(found.passed)
    assert said(facts, "infinite").high is None
    assert {"by": 0.5, "of": [0, 1]} == said(facts, "shown").evidence


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("nan", "its `value` is not defined on these rows (NaN): half of it"),
        ("nan-bound", "its `low` is not defined"),
        ("none", "it gave None, and not Ruling"),
        ("bool", "it gave bool, and not Ruling"),
        ("text", "its `passed` is 'yes', and neither True nor False"),
        ("no-reason", "it gave no reason"),
        ("text-value", "its `value` is 'much', and not a number"),
        ("no-json", "its `evidence` cannot be kept: it is no JSON"),
        ("no-object", "its `evidence` cannot be kept"),
        ("too-much", "its `evidence` cannot be kept: it has 32,009 bytes as JSON, and 32,000 are kept"),
        ("raises", "`mine` failed: ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_goes_wrong_fails_it(facts, which: str, says: str) -> None:
    found = said(facts, which)
    assert (False, True) == (found.passed, says in found.reason), found


def test_the_end_of_python_fails_it(facts) -> None:
    found = said(facts, kind=dataclasses.replace(KIND, judge=f"{HERE}:ends"))
    assert (False, "`mine` failed: SystemExit: 3") == (found.passed, found.reason)


@pytest.mark.parametrize(
    ("gate", "kind", "says"),
    [
        (ASKED, None, "no plugin offers the gate `mine`"),
        (ByPlugin("own", "mine", {"max": -1}), KIND, "parameters of `mine`: `max`: Input should be greater than or equal to 0"),
        (ByPlugin("own", "mine", {"min": 1}), KIND, "parameters of `mine`: `min`: Extra inputs are not permitted"),
        (ASKED, dataclasses.replace(KIND, judge="nowhere_at_all:judge"), "`mine` failed: ModuleNotFoundError"),
    ],
)
def test_a_gate_that_cannot_be_asked_fails(facts, gate: ByPlugin, kind: Gate | None, says: str) -> None:
    found = said(facts, gate=gate, kind=kind)
    assert (False, True) == (found.passed, says in found.reason), found


def test_a_candidate_that_does_not_answer_fails(facts) -> None:
    found = said(dataclasses.replace(facts, predictions=Absent("it is broken")))
    assert (False, "the candidate did not answer: it is broken") == (found.passed, found.reason)


def test_one_gate_cannot_change_what_the_next_one_sees(facts) -> None:
    before = facts.target.copy(), facts.predictions.copy(), facts.rows.copy()
    said(facts, "changes")
    assert (before[0] == facts.target).all()
    assert (before[1] == facts.predictions).all()
    assert before[2].equals(facts.rows)


def judged(store, plugins, version, *asked):
    return gates.judge(
        store, plugins, actor="service:train", model=version.model, number=version.number, run_id=version.run_id, gates=asked
    ).payload["gates"]


def test_it_is_given_the_rows_the_seed_and_whom_it_asks_for(store, plugins, register) -> None:
    kind = Gate("compares", f"{HERE}:compares", f"{HERE}:Params", asks=("champion",))
    own = dataclasses.replace(plugins, gates=plugins.gates | {"compares": kind})
    (first,) = judged(store, own, register(), ByPlugin("own", "compares"))
    assert (True, "nobody, 7, ['age', 'sex']", 300) == (first["passed"], first["reason"], first["n"])
    with store.transaction("test", "promote", "churn") as session:
        version = registry.get(session, "churn", 1)
        registry.promote(session, model="churn", number=1, at=version.created_at, reason="test")
    (second,) = judged(store, own, register(run_id="r2"), ByPlugin("own", "compares"))
    assert second["reason"].startswith("0.")


def test_the_built_in_kinds_tell_a_useful_model_from_a_collapsed_one(store, plugins, register) -> None:
    wide, never = ByPlugin("wide", "prediction_spread"), ByPlugin("never", "prediction_spread", {"min": 0.99}, mode="warn")
    steady = ByPlugin("steady", "decision_changes", {"max": "5%"})
    found = judged(store, plugins, register(), wide, never, steady)
    assert [("wide", True), ("never", False), ("steady", True)] == [(one["gate"], one["passed"]) for one in found]
    assert "there is no champion yet" in found[2]["reason"]
    with store.transaction("test", "promote", "churn") as session:
        registry.promote(session, model="churn", number=1, at=registry.get(session, "churn", 1).created_at, reason="test")
    (same,) = judged(store, plugins, register(run_id="r2"), steady)
    (other,) = judged(store, plugins, register("useless", run_id="r3"), steady)
    assert (True, 0.0, False, True) == (same["passed"], same["value"], other["passed"], other["value"] > 0.05)


def test_a_gate_that_does_not_end_fails(facts) -> None:
    found = said(facts, kind=Gate("mine", f"{HERE}:hangs", f"{HERE}:Params", seconds=0.05))
    assert (False, True) == (found.passed, found.reason.startswith("`mine` failed: OutOfTime: it did not end within 0.05 s"))


def test_a_gate_that_asks_for_what_is_not_here_fails(facts) -> None:
    found = said(facts, kind=Gate("mine", f"{HERE}:judge", f"{HERE}:Params", asks=("candidate",)))
    assert (False, "it asks for `candidate`, which is not here") == (found.passed, found.reason)
