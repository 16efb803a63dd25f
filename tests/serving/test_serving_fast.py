"""The compiled ways to answer one row: they answer as the plain one does, and one that does not is left out and says so."""

import asyncio
import io
import math
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_project import ROW, Project

from headrace import registry
from headrace.builtin.algorithms import sklearn_trees
from headrace.diagnostics import Report
from headrace.hooks import Algorithm, Answers, Input, Predictor, Signature, load_plugins
from headrace.hooks.composed import fitted, loaded
from headrace.hooks.contracts import resolve
from headrace.registry import Version
from headrace.serving.fast import fastest
from headrace.serving.fast.batched import Batched
from headrace.serving.snapshot import Answered, Served, ask_many
from headrace.spec.params import read_params
from headrace.transforms.calibration import Calibrated, Calibration

SIGNATURE = Signature(
    (
        Input("age", "number", low=0.0, high=120.0),
        Input("city", "category", ("a", "b", "c", "d")),
        Input("debt", "number"),
        Input("sex", "category", ("1", "2"), missing=False),
    )
)
TREES = {"n_estimators": 12, "num_leaves": 8}
FORMS = {
    "lightgbm.classifier": ("lightgbm-row", TREES),
    "lightgbm.multiclass": ("lightgbm-row", TREES),
    "lightgbm.regressor": ("lightgbm-row", TREES),
    "lightgbm.quantile": ("lightgbm-row", TREES),
    "lightgbm.ranker": ("lightgbm-row", TREES),
    "sklearn.logistic_regression": ("closed-form", {}),
    "sklearn.logistic_regression_multiclass": ("closed-form", {}),
    "sklearn.linear_regression": ("closed-form", {}),
    "sklearn.ridge": ("closed-form", {"alpha": 2.0}),
    "python.classifier": ("closed-form", {"python": "sklearn.linear_model:LogisticRegression"}),
    "sklearn.random_forest_classifier": ("trees", {"n_estimators": 10}),
    "sklearn.random_forest_multiclass": ("trees", {"n_estimators": 10}),
    "sklearn.random_forest_regressor": ("trees", {"n_estimators": 10}),
    "sklearn.hist_gradient_boosting_classifier": ("trees", {"max_iter": 10}),
    "sklearn.hist_gradient_boosting_multiclass": ("trees", {"max_iter": 10}),
    "sklearn.hist_gradient_boosting_regressor": ("trees", {"max_iter": 10}),
    "python.regressor": ("batched", {"python": "sklearn.neighbors:KNeighborsRegressor"}),
}


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rows of training, some cells missing, and a number that hangs on them."""
    random = np.random.default_rng(3)
    matrix = np.column_stack(
        [random.uniform(0, 120, count), random.integers(0, 4, count), random.normal(0, 50, count), random.integers(0, 2, count)]
    ).astype(float)
    said = matrix[:, 0] / 40 + matrix[:, 1] + matrix[:, 3] + random.normal(0, 0.5, count)
    matrix[random.uniform(size=count) < 0.1, 0] = np.nan
    matrix[random.uniform(size=count) < 0.1, 1] = np.nan
    return matrix, said


@cache
def version(name: str) -> tuple[Algorithm, Answers, bytes]:
    """An algorithm's model, as it is saved."""
    plugins = load_plugins(None, Report())
    algorithm = plugins.algorithms[name]
    matrix, said = rows()
    match algorithm.task:
        case "binary":
            target, answers = (said > np.median(said)).astype(float), Answers()
        case "multiclass":
            target, answers = np.digitize(said, np.quantile(said, [0.3, 0.7])).astype(float), Answers("multiclass", ("x", "y", "z"))
        case "quantile":
            target, answers = said, Answers("quantile", quantiles=(0.1, 0.5, 0.9))
        case "ranking":
            target, answers = np.clip(said.round(), 0, 5), Answers("ranking")
        case _:
            target, answers = said, Answers("regression")
    params = read_params(resolve(algorithm.params), FORMS[name][1])
    group = np.full(40, 10) if algorithm.task == "ranking" else None
    made = fitted(plugins, algorithm, matrix, target, SIGNATURE, params, 7, group=group)
    return algorithm, answers, resolve(algorithm.save)(made)


def read(name: str) -> Predictor:
    algorithm, _, data = version(name)
    return loaded(load_plugins(None, Report()), algorithm, data, signature=SIGNATURE)


def plain(name: str) -> Served:
    return Served(1, SIGNATURE, read(name), read(name), answers=version(name)[1])


def failures(served: Served, algorithm: Algorithm) -> tuple[Served, int]:
    told: list[None] = []
    return fastest(served, algorithm, lambda: told.append(None), list), len(told)


@cache
def compiled(name: str) -> Served:
    return failures(plain(name), version(name)[0])[0]


@pytest.mark.parametrize("name", FORMS)
def test_each_model_takes_the_fastest_way_that_it_has(name):
    served, failed = failures(plain(name), version(name)[0])
    assert (FORMS[name][0], 0) == (served.path, failed)


VALUES = st.fixed_dictionaries(
    {
        "age": st.none() | st.floats(0, 120),
        "city": st.none() | st.sampled_from(["a", "b", "c", "d", "elsewhere"]),
        "debt": st.none() | st.floats(-1e12, 1e12),
        "sex": st.none() | st.sampled_from(["1", "2", "ü"]),
    }
)


@pytest.mark.parametrize("name", [name for name, (path, _) in FORMS.items() if path != "batched"])
@settings(deadline=None, max_examples=60)
@given(row=VALUES)
def test_a_compiled_form_answers_any_row_as_the_plain_way_does(name, row):
    fast = compiled(name)
    one, other = replace(fast, fast=None).answer(row), fast.answer(row)
    assert (one.unseen, one.error) == (other.unseen, other.error)
    numbers = [[told.output, *(told.answer or {}).values()] for told in (one, other)]
    assert numbers[1] == (numbers[0] if fast.path == "lightgbm-row" else pytest.approx(numbers[0], rel=1e-12, abs=1e-12))


def test_a_calibrated_model_takes_its_algorithm_s_way_to_the_last_bit():
    calibration = Calibration("sigmoid", (0.3, 0.8))
    one, other = (Calibrated(read("lightgbm.classifier"), calibration) for _ in range(2))
    served, failed = failures(Served(1, SIGNATURE, one, other), version("lightgbm.classifier")[0])
    row = {"age": 46.0, "city": "b", "debt": None, "sex": "1"}
    assert ("lightgbm-row", 0, replace(served, fast=None).answer(row)) == (served.path, failed, served.answer(row))


class Nearly:
    """A compiled form that is off by a little, where a row lacks its age."""

    path = "nearly"
    exact = False

    def __init__(self, predictor):
        self.predictor = predictor

    def predict_row(self, values):
        answer = float(self.predictor.predict(np.array([values]))[0])
        return answer * (1 - 1e-9) if math.isnan(values[0]) else answer


def nearly(predictor):
    return Nearly(predictor)


def broken(predictor):
    raise LookupError("it has no such form after all")


@pytest.mark.parametrize("form", ["nearly", "broken"])
def test_a_form_that_answers_otherwise_or_fails_is_left_out_and_that_is_told(form, caplog):
    algorithm = replace(version("lightgbm.classifier")[0], compile=f"{__name__}:{form}")
    served, failed = failures(plain("lightgbm.classifier"), algorithm)
    assert ("plain", 1, 1) == (served.path, failed, len([one for one in caplog.records if "answers plainly" in one.message]))


class Sudden(Nearly):
    """A form that fails where no sample has been."""

    def predict_row(self, values):
        if values[0] == 33.25:
            raise ArithmeticError("never seen")
        return float(self.predictor.predict(np.array([values]))[0])


def sudden(predictor):
    return Sudden(predictor)


def stored() -> list[dict[str, Any]]:
    return [{"age": 33.25, "city": "b", "debt": None, "sex": "1"}]


@pytest.mark.parametrize("form", ["sudden", None])
def test_a_form_is_tried_on_the_rows_that_the_version_was_judged_by_too(form, caplog):
    algorithm = (
        version("lightgbm.classifier")[0] if form is None else replace(version("lightgbm.classifier")[0], compile=f"{__name__}:{form}")
    )
    told: list[None] = []
    served = fastest(plain("lightgbm.classifier"), algorithm, lambda: told.append(None), stored)
    assert served.parity is not None
    expected = ("lightgbm-row", 0, None) if form is None else ("plain", 1, "sample 63: an answer, and ArithmeticError: never seen")
    assert (*expected, 1) == (served.path, len(told), served.parity.differs, served.parity.stored)


def unreadable() -> list[dict[str, Any]]:
    raise OSError("the blobs are away")


def test_rows_that_cannot_be_read_leave_the_drawn_ones_and_that_is_told(caplog):
    told: list[None] = []
    served = fastest(plain("lightgbm.classifier"), version("lightgbm.classifier")[0], lambda: told.append(None), unreadable)
    assert served.parity is not None
    assert ("lightgbm-row", 1, 0) == (served.path, len(told), served.parity.stored)
    assert "held-out rows cannot be read" in caplog.text


@pytest.mark.parametrize(
    "name", ["lightgbm.classifier", "sklearn.logistic_regression", "sklearn.random_forest_classifier", "python.regressor"]
)
def test_the_held_out_rows_of_a_version_are_tried_before_it_answers(project: Project, name):
    """Missing numbers and categories, and a category that training never saw, as they stand in what is stored."""
    algorithm = version(name)[0]
    frame = pd.DataFrame(
        {
            "age": [None, 20.5, 30.25, 119.0] * 30,
            "city": ["a", None, "never seen", "d"] * 30,
            "debt": [1, -2, 3, 4] * 30,
            "sex": ["1", "2", None, "2"] * 30,
            "label": [0.0, 1.0, 0.0, 1.0] * 30,
        }
    )
    out = io.BytesIO()
    frame.to_parquet(out)
    manifest = {"signature": SIGNATURE.to_json(), "reference": project.store.blobs.put(out.getvalue())}
    kept = Version("m", 1, "r", name, "", "", "", manifest, datetime(2024, 1, 1, tzinfo=UTC))
    found = registry.probe(project.store, kept, 40)
    assert 40 == len(found)
    assert {"age": 119.0, "city": "d", "debt": 4.0, "sex": "2"} in found
    assert {"age": 30.25, "city": "never seen", "debt": 3.0, "sex": None} in found
    assert {"age": None, "city": "a", "debt": 1.0, "sex": "1"} in found
    served = fastest(plain(name), algorithm, lambda: None, lambda: found)
    assert (FORMS[name][0], 40) == (served.path, served.parity and served.parity.stored)
    assert [] == registry.probe(project.store, replace(kept, manifest={}), 40)


def test_a_row_that_a_form_fails_on_is_asked_plainly_and_counted(caplog):
    algorithm = replace(version("lightgbm.classifier")[0], compile=f"{__name__}:sudden")
    told: list[None] = []
    served = fastest(plain("lightgbm.classifier"), algorithm, lambda: told.append(None), list)
    row = {"age": 33.25, "city": "b", "debt": 1.0, "sex": "1"}
    answers = [served.answer(row) for _ in range(2)]
    assert [replace(served, fast=None).answer(row)] * 2 == answers
    assert (2, 1) == (len(told), len([one for one in caplog.records if "was asked plainly" in one.message]))


def test_rows_that_wait_are_asked_together_and_one_that_is_alone_at_once():
    asked: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def ask(rows):
        asked.append(len(rows))
        begun.set()
        go.wait(60)
        return [Answered(row["x"], (), None) for row in rows]

    async def main() -> list[float | None]:
        batched = Batched(ask)
        first = asyncio.ensure_future(batched({"x": 0.0}))
        await asyncio.to_thread(begun.wait, 10)
        rest = [asyncio.ensure_future(batched({"x": float(i)})) for i in range(1, 6)]
        await asyncio.sleep(0)
        go.set()
        return [told.output for told in await asyncio.gather(first, *rest)]

    assert ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1, 5]) == (asyncio.run(main()), asked)


@pytest.mark.parametrize("bound", ["STEPS", "NODES"])
@pytest.mark.parametrize("name", ["sklearn.random_forest_classifier", "sklearn.hist_gradient_boosting_regressor"])
def test_trees_of_many_steps_or_nodes_are_not_walked(monkeypatch, name, bound):
    monkeypatch.setattr(sklearn_trees, bound, 9)
    assert "trees" != failures(plain(name), version(name)[0])[0].path


def test_a_row_that_nobody_waits_for_any_more_is_not_asked():
    asked: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def ask(rows):
        asked.append([row["x"] for row in rows])
        begun.set()
        go.wait(60)
        return [Answered(row["x"], (), None) for row in rows]

    async def main() -> list[float | None]:
        batched = Batched(ask)
        waiting = [asyncio.create_task(batched({"x": number})) for number in range(3)]
        await asyncio.to_thread(begun.wait, 10)
        waiting += [asyncio.create_task(batched({"x": number})) for number in (3, 4)]
        await asyncio.sleep(0)
        waiting[3].cancel()
        go.set()
        return [(await waiting[at]).output for at in (0, 1, 2, 4)]

    assert [0, 1, 2, 4] == asyncio.run(main())
    assert [0, 1, 2, 4] == [number for rows in asked for number in rows]


def test_a_model_that_cannot_be_asked_at_all_fails_each_that_waits_and_goes_on():
    def ask(rows):
        if rows[0]["x"] < 0:
            raise MemoryError
        return [Answered(row["x"], (), None) for row in rows]

    async def main() -> list[object]:
        batched = Batched(ask)
        bad = await asyncio.gather(batched({"x": -1.0}), batched({"x": 2.0}), return_exceptions=True)
        return [*map(type, bad), (await batched({"x": 3.0})).output]

    assert [MemoryError, MemoryError, 3.0] == asyncio.run(main())


def test_a_queue_answers_as_its_model_does_alone():
    name = "python.regressor"
    served = compiled(name)
    rows = [{"age": float(i), "city": "b", "debt": None, "sex": "1"} for i in range(10)]

    async def main() -> list[Answered]:
        return list(await asyncio.gather(*(served.queue(row) for row in rows)))

    one_by_one = [answered for row in rows for answered in ask_many(served.single, SIGNATURE, [row], served.answers)]
    assert one_by_one == asyncio.run(main())


def test_metadata_says_which_way_each_arm_answers(project: Project, serve):
    champion, candidate = project.register(), project.register_flaky(0.5)
    project.alias("champion", champion)
    project.weigh(champion, candidate, 0.5)
    client = serve(project)
    assert {"champion": "lightgbm-row", "candidate": "plain"} == client.get("/metadata").json()["paths"]


def test_a_model_with_a_queue_answers_over_http(project: Project, serve, monkeypatch):
    monkeypatch.setattr(sklearn_trees, "STEPS", 0)
    plugins = project.plugins
    algorithm = plugins.algorithms["sklearn.random_forest_classifier"]
    inputs = tuple(item for item in SIGNATURE.inputs if item.name in {"age", "sex"})
    matrix, said = rows(100)
    params = resolve(algorithm.params)(n_estimators=5)
    made = resolve(algorithm.fit)(matrix[:, [0, 3]], (said > 3).astype(float), signature=Signature(inputs), params=params, seed=1)
    number = project.add(resolve(algorithm.save)(made), algorithm.name, algorithm.format, Signature(inputs))
    project.alias("champion", number)
    client = serve(project)
    told = client.post("/predict", json=ROW)
    many = client.post("/predict/batch", json={"rows": [ROW]})
    assert ("batched", 200, told.json()["prediction"]) == (
        client.get("/metadata").json()["paths"]["champion"],
        told.status_code,
        many.json()["predictions"][0]["prediction"],
    )
