"""Linear models behind scaled numbers and one column a category, in closed form: a sum of one term an input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.hooks import RowPredictor

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from headrace.builtin.algorithms.python_estimator import Own
    from headrace.builtin.algorithms.sklearn_pipeline import Fitted

Term = tuple[int, float, float, float, float]
"""A number: where it stands, its mean, its scale, its coefficient, and what a missing one adds."""
Table = tuple[int, dict[float, float], float]
"""A category: where it stands, what each code adds, and what a missing one does."""


@dataclass(frozen=True, slots=True)
class Score:
    """One linear score of a row: the intercept, with what each number and each category adds."""

    intercept: float
    terms: tuple[Term, ...]
    tables: tuple[Table, ...]

    def of(self, values: Sequence[float]) -> float:
        """ValueError where it is no number, as scikit-learn says of an input beyond all bounds."""
        total = self.intercept
        for at, mean, scale, weight, missing in self.terms:
            value = values[at]
            total += (value - mean) / scale * weight if value == value else missing  # noqa: PLR0124 - false for NaN alone
        for at, table, missing in self.tables:
            value = values[at]
            total += table.get(value, 0.0) if value == value else missing  # noqa: PLR0124 - as above
        if not math.isfinite(total):
            raise ValueError("an input is beyond all bounds")
        return total


class Closed:
    """Linear scores, and what makes an answer of them."""

    path = "closed-form"
    exact = False

    def __init__(self, scores: Sequence[Score], link: Callable[[list[float]], float | list[float]]) -> None:
        self._scores = tuple(scores)
        self._link = link

    def predict_row(self, values: Sequence[float]) -> float | list[float]:
        """One row's answer; ValueError as `Score.of`."""
        return self._link([score.of(values) for score in self._scores])


def compile_line(predictor: Fitted) -> RowPredictor | None:
    """The closed form of a pipeline; None where it is no linear model behind the usual columns."""
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline

    from headrace.builtin.algorithms.sklearn_pipeline import Several

    pipeline = predictor.pipeline
    if not isinstance(pipeline, Pipeline) or [name for name, _ in pipeline.steps] != ["columns", "model"]:
        return None
    model = pipeline["model"]
    if type(model) not in {LinearRegression, LogisticRegression, Ridge}:
        return None
    scores = _scores(pipeline, model)
    if scores is None:
        return None
    if not isinstance(model, LogisticRegression):
        return Closed(scores, identity)
    if not isinstance(predictor, Several):
        return Closed(scores, logistic)
    return Closed(scores, softmax if len(scores) > 1 else pair)


def compile_own(predictor: Own) -> RowPredictor | None:
    """The same for an estimator that a user's function built."""
    return compile_line(predictor.line)


def _scores(pipeline: Pipeline, model: Any) -> list[Score] | None:  # noqa: ANN401 - a linear model
    import numpy as np

    coefficients, intercepts = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(intercepts) == 1 and len(coefficients) > 1:
        intercepts = np.repeat(intercepts, len(coefficients))
    parts = [(name, step, list(at)) for name, step, at in pipeline["columns"].transformers_ if name != "remainder"]
    if [name for name, _, _ in parts] not in [["number"], ["category"], ["number", "category"]]:
        return None
    found = []
    for weights, free in zip(coefficients.tolist(), intercepts.tolist(), strict=True):
        intercept: float = free
        terms: list[Term] = []
        tables: list[Table] = []
        used = 0
        for name, step, at in parts:
            if name == "number":
                terms, always, taken = _numbers(step, at, weights[used:])
                intercept += always
            else:
                tables, taken = _categories(step, at, weights[used:])
            used += taken
        if used != len(weights):
            return None
        found.append(Score(intercept, tuple(terms), tuple(tables)))
    return found


def _numbers(step: Pipeline, at: Sequence[int], weights: Sequence[float]) -> tuple[list[Term], float, int]:
    """What each number adds, what is added always, and how many columns of the model that took.

    The columns are the numbers, and then a mark for each of those that were ever missing.
    """
    imputer, scaler = step["missing"], step["scale"]
    means, scales = scaler.mean_.tolist(), scaler.scale_.tolist()
    marked = {int(feature): len(at) + i for i, feature in enumerate(imputer.indicator_.features_)}
    terms, always = [], 0.0
    for i, position in enumerate(at):
        missing = (float(imputer.statistics_[i]) - means[i]) / scales[i] * weights[i]
        mark = marked.get(i)
        if mark is not None:
            always -= means[mark] / scales[mark] * weights[mark]
            missing += weights[mark] / scales[mark]
        terms.append((position, means[i], scales[i], weights[i], missing))
    return terms, always, len(at) + len(marked)


def _categories(step: Pipeline, at: Sequence[int], weights: Sequence[float]) -> tuple[list[Table], int]:
    """What each code of a category adds, and how many columns of the model that took."""
    imputer, encoder = step["missing"], step["encode"]
    tables, used = [], 0
    for position, codes, missing in zip(at, encoder.categories_, imputer.statistics_.tolist(), strict=True):
        table = dict(zip(codes.tolist(), weights[used : used + len(codes)], strict=True))
        used += len(codes)
        tables.append((position, table, table.get(missing, 0.0)))
    return tables, used


def identity(scores: list[float]) -> float:
    """The one score as it is."""
    return scores[0]


def logistic(scores: list[float]) -> float:
    """The probability of which a score is the log-odds."""
    score = scores[0]
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1.0 + grown)


def pair(scores: list[float]) -> list[float]:
    """The probabilities of two classes, by the score of the second."""
    answer = logistic(scores)
    return [1.0 - answer, answer]


def softmax(scores: list[float]) -> list[float]:
    """The probabilities of several classes, by the score of each."""
    most = max(scores)
    grown = [math.exp(score - most) for score in scores]
    whole = math.fsum(grown)
    return [value / whole for value in grown]
