import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, SIGNATURE, Project
from sqlmodel import select

from headrace.hooks import Answers, Predictor
from headrace.hooks.contracts import resolve
from headrace.serving.explain import explain
from headrace.serving.problem import Refused
from headrace.serving.schema import Row
from headrace.serving.snapshot import Served
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
SCALES: dict[str, Callable[[float], float]] = {"identity": lambda s: s, "log": math.exp, "log-odds": lambda s: 1 / (1 + math.exp(-s))}


def trained(project: Project, name: str, classes: int = 2, **params: Any) -> Predictor:
    algorithm = project.plugins.algorithms[name]
    random = np.random.default_rng(3)
    matrix = np.column_stack([random.uniform(0, 120, 300), random.integers(0, 3, 300), random.integers(0, 2, 300)]).astype(float)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    target = np.floor(np.nan_to_num(matrix[:, 0]) / 121 * classes) if classes else np.nan_to_num(matrix[:, 0]) + 1
    fitted: Predictor = resolve(algorithm.fit)(matrix, target, signature=SIGNATURE, params=resolve(algorithm.params)(**params), seed=1)
    return fitted


def asked(predictor: Predictor, answers: Answers, **changed: Any) -> tuple[dict[str, Any], Any]:
    served = Served(1, SIGNATURE, predictor, predictor, answers=answers)
    inputs = {name: value for name, value in (ROW | changed).items() if name != "person_id"}
    values, _ = SIGNATURE.encode_row(inputs)
    return explain(served, Row("7", "7", inputs)), predictor.predict(SIGNATURE.matrix([values]))[0]


@pytest.mark.parametrize("changed", [{}, {"age": None}, {"education": "99", "sex": None}])
@pytest.mark.parametrize(
    ("name", "params", "classes"),
    [
        ("lightgbm.classifier", {"n_estimators": 5}, 2),
        ("lightgbm.regressor", {"n_estimators": 5}, 0),
        ("lightgbm.regressor", {"n_estimators": 5, "loss": "poisson"}, 0),
        ("sklearn.logistic_regression", {}, 2),
        ("sklearn.linear_regression", {}, 0),
        ("sklearn.ridge", {}, 0),
    ],
)
def test_contributions_and_the_base_are_the_raw_score_of_the_answer(
    project: Project, name: str, params: dict[str, Any], classes: int, changed: dict[str, Any]
) -> None:
    told, answer = asked(trained(project, name, classes, **params), Answers("binary" if classes else "regression"), **changed)
    assert ["age", "education", "sex"] == list(told["contributions"])
    assert told["score"] == pytest.approx(told["base"] + sum(told["contributions"].values()), rel=1e-12)
    assert answer == pytest.approx(SCALES[told["scale"]](told["score"]), rel=1e-9)


@pytest.mark.parametrize(("name", "params"), [("lightgbm.multiclass", {"n_estimators": 3}), ("sklearn.logistic_regression_multiclass", {})])
@pytest.mark.parametrize("classes", [2, 3])
def test_each_of_several_classes_has_contributions_of_its_own(project: Project, name: str, params: dict[str, Any], classes: int) -> None:
    names = ("a", "b", "c")[:classes]
    told, answer = asked(trained(project, name, classes, **params), Answers("multiclass", names))
    scores = np.exp([told["answers"][key]["score"] for key in names])
    assert ("softmax", True) == (told["scale"], np.allclose(scores / scores.sum(), answer, rtol=1e-9))


def test_each_level_has_contributions_of_its_own(project: Project) -> None:
    levels = (0.1, 0.9)
    told, answer = asked(trained(project, "lightgbm.quantile", 0, n_estimators=5, quantiles=levels), Answers("quantile", quantiles=levels))
    assert np.allclose(sorted(part["score"] for part in told["answers"].values()), answer)


def test_what_tells_no_contributions_says_so(project: Project) -> None:
    with pytest.raises(Refused) as forest:
        asked(trained(project, "sklearn.random_forest_classifier"), Answers())
    assert (501, "not-explained") == (forest.value.status, forest.value.id)


def test_the_champion_explains_one_record_and_nothing_is_journalled(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register())
    client = serve(project)
    told = client.post("/explain", json=ROW).json()
    prediction = client.post("/predict", json=ROW).json()
    assert ("employment", 1, "champion", "log-odds", False, []) == tuple(
        told[key] for key in ("model", "version", "arm", "scale", "calibrated", "unseen")
    )
    assert prediction["prediction"] == pytest.approx(SCALES["log-odds"](told["score"]), rel=1e-12)
    assert 200 == client.get(told["links"]["metadata"]).status_code
    # Below a model's own path, as a server of several has it, the link leads to that model's.
    assert f"/models/{MODEL}/metadata" == client.post(f"/models/{MODEL}/explain", json=ROW).json()["links"]["metadata"]
    with project.store.read() as session:
        assert [] == list(session.exec(select(Prediction)))
    assert 422 == client.post("/explain", json={**ROW, "age": "x"}).status_code


def test_an_algorithm_without_them_is_501(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register_flaky())
    told = serve(project).post("/explain", json=ROW)
    assert (501, "urn:headrace:not-explained") == (told.status_code, told.json()["type"])
