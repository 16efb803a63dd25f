"""The conformance kit finds what is wrong with an algorithm or a metric of each task."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from headrace.hooks import Algorithm, Metric
from headrace.testing import check_algorithm, check_metric

HERE = __name__


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Levels(Params):
    quantiles: tuple[float, ...] = (0.1, 0.9)


class Falling(Params):
    quantiles: tuple[float, ...] = (0.9, 0.1)


class Flawed:
    """Answers by the second input, in the shape that its flaw has."""

    def __init__(self, flaw: str) -> None:
        self.flaw = flaw

    def predict(self, matrix: Any) -> Any:
        score = np.nan_to_num(matrix[:, min(1, matrix.shape[1] - 1)]) if matrix.shape[1] else np.zeros(len(matrix))
        match self.flaw:
            case "one-column":
                return score
            case "not-whole":
                return np.full((len(matrix), 3), 0.5)
            case "crossing":
                return np.column_stack([score + 1, score - 1])
            case "nothing":
                return np.full(len(matrix), 3.0)
            case "moving":
                return np.clip(score, 0, 1)
            case _:
                raise AssertionError(self.flaw)


def fit(matrix: Any, target: Any, *, signature: Any, params: Any, seed: int) -> Flawed:
    return Flawed(FLAW)


def save(predictor: Flawed) -> bytes:
    return json.dumps({"flaw": predictor.flaw}).encode()


def load(data: bytes, *, signature: Any) -> Flawed:
    return Flawed(json.loads(data)["flaw"])


FLAW = ""


@pytest.mark.parametrize(
    ("flaw", "task", "params", "more", "said"),
    [
        ("one-column", "multiclass", "Params", {}, "not an array of shape (300, 3)"),
        ("not-whole", "multiclass", "Params", {}, "no probabilities that sum to 1 for 300 of 300 rows"),
        ("crossing", "quantile", "Levels", {}, "no quantiles that rise with their levels"),
        ("crossing", "quantile", "Falling", {}, "not levels between 0 and 1 that rise"),
        ("nothing", "regression", "Params", {}, "it learned nothing"),
        ("moving", "binary", "Params", {"constant": True}, "says that it is `constant`"),
    ],
)
def test_an_algorithm_that_answers_another_task_is_found(monkeypatch, flaw, task, params, more, said) -> None:  # noqa: PLR0917 - a row of the table
    monkeypatch.setattr(f"{HERE}.FLAW", flaw)
    made = Algorithm("flawed", task, f"{HERE}:{params}", f"{HERE}:fit", f"{HERE}:save", f"{HERE}:load", "json", **more)
    assert any(said in broken.says for broken in check_algorithm(made)), check_algorithm(made)


def error(target: Any, predictions: Any) -> float:
    return float(np.abs(predictions - target).mean()) if len(target) else float("nan")


def missed(target: Any, predictions: Any) -> float:
    return float((predictions.argmax(axis=1) != target).mean()) if len(target) else float("nan")


def wide(target: Any, predictions: Any, *, quantiles: Any) -> float:
    return float((predictions[:, -1] - predictions[:, 0]).mean()) if len(target) else float("nan")


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (Metric("error", f"{HERE}:error", "lower", needs="number"), []),
        (Metric("error", f"{HERE}:error", "higher", needs="number"), ["direction"]),
        (Metric("missed", f"{HERE}:missed", "lower", tasks=("multiclass",), range=(0.0, 1.0)), []),
        (Metric("wide", f"{HERE}:wide", "lower", needs="quantiles"), []),
        (Metric("wide", f"{HERE}:wide", "higher", needs="quantiles"), ["direction"]),
    ],
)
def test_a_metric_of_each_task_is_tried_on_rows_of_it(metric, found) -> None:
    assert found == [broken.check for broken in check_metric(metric)]


def test_a_task_that_there_is_not_is_no_contract() -> None:
    made = Metric("error", f"{HERE}:error", "lower", tasks=("ranked",))  # type: ignore[arg-type]
    (broken,) = check_metric(made)
    assert "whose `tasks` is ('ranked',), and not a tuple of 'binary', 'multiclass', 'regression', 'quantile'" in broken.says
