"""The gate `robustness`: a model that stands a little change passes, one that lives on a hair does not, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from headrace import gates
from headrace.builtin.gates.boundary import Search, Space
from headrace.builtin.gates.robustness import Params, judge
from headrace.builtin.metrics.noise import METRICS
from headrace.gates.decide import decide
from headrace.gates.facts import Absent, Facts
from headrace.hooks import Answers, HeldOut, Input, NoAnswer, Signature
from headrace.hooks.answers import BINARY
from headrace.stats import perturb

INPUTS = {"age": "number", "visits": "number", "town": "category"}
SIGNATURE = Signature((Input("age", "number"), Input("visits", "number"), Input("town", "category", ("north", "south"))))


def apart(rng, n):
    """Two kinds of people, far from one another in age; nothing else tells."""
    left = (rng.random(n) < 0.5).astype(float)
    age = np.where(left == 1, 60.0, 20.0) + rng.normal(0, 4, n)
    return {"age": age, "visits": rng.integers(0, 9, n).astype(float), "town": rng.choice(["north", "south"], n), "left": left}


def comb(rng, n):
    """The answer changes with every second fortieth of the age: a model that knows it falls with the least change."""
    age = rng.random(n)
    return {
        "age": age,
        "visits": rng.integers(0, 9, n).astype(float),
        "town": rng.choice(["north", "south"], n),
        "left": np.floor(age * 40) % 2,
    }


DEEP = {"n_estimators": 60, "num_leaves": 127, "min_child_samples": 2}


def test_a_model_that_stands_a_little_change_passes(candidate, asked, rows) -> None:
    said = asked(candidate(rows(1200, apart), INPUTS, algorithm="sklearn.logistic_regression"), "robustness")
    assert said["passed"], said["reason"]
    assert said["value"] > 0.9
    assert {"noise", "missing", "unseen", "shift", "attack"} == said["evidence"]["perturbations"].keys()


def test_a_model_that_lives_on_a_hair_fails_with_what_broke_it(candidate, asked, rows) -> None:
    said = asked(candidate(rows(3000, comb), INPUTS, params=DEEP), "robustness")
    found = said["evidence"]["perturbations"]
    assert not said["passed"], said["reason"]
    assert found["noise"]["score"] < 0.5
    assert found["attack"]["flipped"] > 40
    assert 0 < found["attack"]["smallest"] <= found["attack"]["median"] <= 0.25
    assert "age" in found["attack"]["smallest_change"]


def test_the_same_seed_gives_the_same_score_and_evidence(candidate, asked, rows) -> None:
    version = candidate(rows(800, comb), INPUTS, params=DEEP)
    one, other = (asked(version, "robustness", attacked=20, queries=60) for _ in range(2))
    assert (one["value"], one["evidence"]) == (other["value"], other["evidence"])


def given(answers: Answers = BINARY, *, n: int = 300, ask=None) -> HeldOut:
    """Rows of which the answer is told by the age alone, at 50."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"age": rng.uniform(0, 100, n), "visits": rng.integers(0, 9, n).astype(float), "town": ["north"] * n})
    said = step(rows) if ask is None else ask(rows)
    return HeldOut(rows, (rows["age"].to_numpy() >= 50).astype(float), said, answers=answers, signature=SIGNATURE, ask=ask or step)


def step(frame: pd.DataFrame) -> np.ndarray:
    age = frame["age"].to_numpy(float)
    return np.where(np.nan_to_num(age) >= 50, 0.9, 0.1)


def score(**params) -> dict:
    ruling = judge(given(), Params(**params), seed=7)
    return dict(ruling.evidence["perturbations"])


def test_the_score_of_a_known_model_is_what_the_definition_says() -> None:
    """Of ages from 0 to 100 a shift by half a spread moves the share of rows that lie so far from 50 over the border."""
    held = given()
    age = held.rows["age"].to_numpy()
    shift = 0.5 * age.std()
    wanted = min(np.mean((age + shift >= 50) == (age >= 50)), np.mean((age - shift >= 50) == (age >= 50)))
    found = score(of=("shift",))["shift"]
    assert wanted == pytest.approx(found["stays"])
    assert found["score"] == min(found["stays"], found["keeps"])
    assert 4 == found["tried"]
    assert found["column"].startswith("age")


def test_the_score_is_the_mean_and_the_worst_can_be_bounded() -> None:
    ruling = judge(given(), Params(of=("noise", "unseen"), min=0.5, each=0.99), seed=7)
    parts = [part["score"] for part in ruling.evidence["perturbations"].values()]
    assert np.mean(parts) == pytest.approx(ruling.value)
    assert (1.0, "noise", False) == (parts[1], ruling.evidence["worst"], ruling.passed)
    assert judge(given(), Params(of=("noise", "unseen"), min=0.5), seed=7).passed


def test_the_search_finds_what_is_near_and_nothing_else() -> None:
    held = given()
    far = np.abs(held.rows["age"].to_numpy() - 50) / held.rows["age"].std(ddof=0)
    found = score(of=("attack",), attacked=300, radius=0.25)["attack"]
    assert int((far < 0.25).sum()) == pytest.approx(found["flipped"], abs=1)
    assert found["smallest"] == pytest.approx(far.min(), abs=0.02)
    assert found["asked"] <= 300 * 200


def test_an_immutable_column_is_left_alone() -> None:
    assert 0 == score(of=("attack",), attacked=300, radius=2.0, immutable=("age",))["attack"]["flipped"]
    ruling = judge(given(), Params(immutable=("agge",)), seed=7)
    assert (False, True) == (ruling.passed, "`agge`, which is no input" in ruling.reason)


def test_a_whole_column_moves_whole_steps_within_its_range() -> None:
    rows = pd.DataFrame({"visits": [0.0, 3.0, 8.0]})
    space = Space.of(rows, ("visits",), radius=1.0)
    seen: list[float] = []

    def changed(frame, of):
        seen.extend(frame["visits"])
        return np.zeros(len(frame), dtype=bool)

    Search(rows, space, changed).run(100, np.random.default_rng(1))
    assert {0.0, 3.0, 6.0, 5.0, 8.0} >= {value for value in seen if value in (0.0, 3.0, 5.0, 6.0, 8.0)}
    assert all(value == round(value) and 0 <= value <= 8 for value in seen)


def test_no_row_is_asked_about_more_often_than_allowed() -> None:
    rows = pd.DataFrame({"age": np.linspace(0, 1, 30), "visits": np.linspace(5, 9, 30)})
    counts = np.zeros(30, dtype=int)

    def changed(frame, of):
        np.add.at(counts, of, 1)
        return frame["age"].to_numpy() > rows["age"].to_numpy()[of]

    Search(rows, Space.of(rows, ("age", "visits"), 0.5), changed).run(57, np.random.default_rng(1))
    assert 0 < counts.max() <= 57


def test_another_category_alone_may_change_the_answer() -> None:
    def by_town(frame):
        return np.where(frame["town"].to_numpy(dtype=object) == "south", 0.9, 0.1)

    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"age": rng.uniform(0, 100, 200), "visits": 1.0, "town": rng.choice(["north", "south"], 200)})
    held = HeldOut(rows, (rows["town"] == "south").to_numpy(float), by_town(rows), signature=SIGNATURE, ask=by_town)
    told = [judge(held, Params(of=("attack",), categories=on), seed=7).evidence["perturbations"]["attack"] for on in (False, True)]
    assert (0, 50, 50) == (told[0]["flipped"], told[1]["flipped"], told[1]["by_category"])


def test_a_candidate_that_gives_no_answer_scores_nothing() -> None:
    def refuses(frame):
        if frame["age"].isna().any():
            raise NoAnswer("ValueError: input contains NaN")
        return step(frame)

    found = judge(replace(given(), ask=refuses), Params(of=("missing", "noise")), seed=7)
    assert 0.0 == found.evidence["perturbations"]["missing"]["score"]
    assert "contains NaN" in found.evidence["perturbations"]["missing"]["no_answer"]


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (replace(given(), ask=None), "there is no candidate to ask"),
        (replace(given(), target=np.ones(300)), "the quality of the plain answers is not defined"),
        (replace(given(), target=np.full(300, np.nan)), "the quality of the plain answers is not defined"),
        (replace(given(), predictions=np.full(300, 0.5)), "the quality of the plain answers is 0"),
        (given(n=0), "the quality of the plain answers is not defined on these 0 rows"),
    ],
)
def test_what_cannot_be_told_fails(held: HeldOut, says: str) -> None:
    found = judge(held, Params(), seed=7)
    assert (False, True) == (found.passed, says in found.reason), found.reason


@pytest.mark.parametrize("answers", [Answers("multiclass", ("a", "b")), Answers("regression"), Answers("quantile", (), (0.1, 0.5, 0.9))])
def test_it_judges_other_tasks_by_what_they_answer(answers: Answers) -> None:
    def ask(frame):
        yes = 1 / (1 + np.exp(-(np.nan_to_num(frame["age"].to_numpy(float)) - 50) / 20))
        match answers.task:
            case "multiclass":
                return np.column_stack([1 - yes, yes])
            case "quantile":
                return np.column_stack([yes - 0.1, yes, yes + 0.1])
            case _:
                return yes

    found = judge(given(answers, ask=ask), Params(of=("noise", "shift", "attack")), seed=7)
    assert 0.5 < found.value <= 1


def test_noise_keeps_whole_numbers_whole_missing_ones_missing_and_all_in_range() -> None:
    values = np.array([[1.0, 0.5], [2.0, np.nan], [9.0, -3.25], [4.0, 7.5]])
    moved = perturb.noisy(values, 0.8, np.random.default_rng(2))
    assert (moved[:, 0] == np.round(moved[:, 0])).all()
    assert (np.isnan(moved) == np.isnan(values)).all()
    assert np.nanmin(moved[:, 1]) >= -3.25
    assert np.nanmax(moved[:, 1]) <= 7.5
    assert (0, 2) == perturb.noisy(np.empty((0, 2)), 0.5, np.random.default_rng(2)).shape
    assert [0.0, 0.5] == perturb.spread(np.array([[np.nan, 1.0], [3.0, 2.0]])).tolist()


def test_noise_robustness_is_a_metric_of_the_candidate_alone(candidate, rows, store, plugins) -> None:
    asked = [gates.Minimum("noise", "noise_robustness", min=0.7)]
    found = []
    for number, (draw, algorithm, params) in enumerate([(apart, "sklearn.logistic_regression", {}), (comb, "lightgbm.classifier", DEEP)]):
        version = candidate(rows(2000, draw), INPUTS, algorithm=algorithm, params=params, run_id=f"r{number}")
        verdict = gates.judge(store, plugins, actor="test", model="churn", number=version.number, run_id=f"j{number}", gates=asked)
        found.append(verdict.payload["gates"][0])
    assert [True, False] == [one["passed"] for one in found]
    assert found[0]["value"] > 0.99
    assert 0.4 < found[1]["value"] < 0.6
    assert 1000 == found[0]["n"]


def test_noise_robustness_fails_where_the_candidate_has_no_answer_to_noise() -> None:
    facts = Facts(np.ones(3), np.ones(3), noisy=Absent("ValueError: no"))
    metrics = {"noise_robustness": METRICS[0]}
    none = decide(gates.Minimum("noise", "noise_robustness", min=0.7), facts, metrics, 7)
    assert (False, "the candidate was not asked about rows with noise: ValueError: no") == (none.passed, none.reason)
    empty = decide(gates.Minimum("noise", "noise_robustness", min=0.7), Facts(np.empty(0), np.empty(0), noisy=np.empty(0)), metrics, 7)
    assert not empty.passed
