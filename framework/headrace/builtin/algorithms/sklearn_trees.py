"""Scikit-learn's forests and boosted trees walked for one row: no arrays, the same comparisons, the same sums in the same order."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.builtin.algorithms.sklearn_closed import identity, logistic, pair, softmax
from headrace.hooks import RowPredictor

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from headrace.builtin.algorithms.sklearn_pipeline import Fitted

Tree = tuple[list[int], list[int], list[int], list[float], list[list[float]], list[bool]]
"""By node: its left (-1 of a leaf), its right, the column it looks at, its threshold, what it answers, where a missing value goes left."""
Number = tuple[int, float, float, float]
"""Where it stands, what a missing one is, its mean, its scale."""
Mark = tuple[int, float, float]
"""Of a number that was ever missing: where that stands, what the mark is where it is there, and where it is not."""
Category = tuple[int, float, dict[float, int], int]
"""Where it stands, what a missing one is, the column of each code among its own, and how many those are."""

STEPS = 5_000
"""A model of more steps to its leaves, by its depths, would hold up the event loop for longer than a fraction of a millisecond."""
NODES = 100_000
"""A model of more nodes would be kept twice, and the second time in much more memory: a few hundred bytes a node."""
_NOTHING: list[float] = []


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands before a forest: numbers scaled, a mark for each that may be missing, a column for each category; as 32 bits."""

    numbers: tuple[Number, ...]
    marks: tuple[Mark, ...]
    categories: tuple[Category, ...]
    cast: struct.Struct

    def of(self, values: Sequence[float]) -> Sequence[float]:
        """The row that the trees see; OverflowError where a number is beyond 32 bits, which scikit-learn refuses, too."""
        row = []
        for at, missing, mean, scale in self.numbers:
            value = values[at]
            row.append(((missing if value != value else value) - mean) / scale)  # noqa: PLR0124 - true for NaN alone
        for at, gone, there in self.marks:
            row.append(gone if values[at] != values[at] else there)
        for at, missing, places, width in self.categories:
            value = values[at]
            hot = [0.0] * width
            place = places.get(missing if value != value else value)  # noqa: PLR0124 - as above
            if place is not None:
                hot[place] = 1.0
            row += hot
        return self.cast.unpack(self.cast.pack(*row))


class Walk:
    """Trees, and what makes an answer of the sum of their leaves."""

    path = "trees"
    exact = False

    def __init__(
        self,
        trees: Sequence[Tree],
        base: Sequence[float],
        link: Callable[[list[float]], float | list[float]],
        columns: Columns | None = None,
    ) -> None:
        self._trees = tuple(trees)
        self._base = list(base)
        self._link = link
        self._columns = columns

    def predict_row(self, values: Sequence[float]) -> float | list[float]:
        """One row's answer; OverflowError as `Columns.of`."""
        row = values if self._columns is None else self._columns.of(values)
        total = list(self._base)
        for left, right, column, threshold, answers, gone_left in self._trees:
            at, lower = 0, left[0]
            while lower >= 0:
                value = row[column[at]]
                # A missing value is less than nothing.
                at = lower if value <= threshold[at] or (value != value and gone_left[at]) else right[at]  # noqa: PLR0124 - NaN
                lower = left[at]
            for place, answer in enumerate(answers[at]):
                total[place] += answer
        return self._link(total)


def compile_forest(predictor: Fitted) -> RowPredictor | None:
    """The walk of a random forest behind our columns; None where it is another model, or a long one."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import Pipeline

    from headrace.builtin.algorithms.sklearn_pipeline import Several

    line = predictor.pipeline
    if not isinstance(line, Pipeline) or [name for name, _ in line.steps] != ["columns", "model"]:
        return None
    model = line["model"]
    if type(model) not in {RandomForestClassifier, RandomForestRegressor}:
        return None
    if _long((one.tree_.max_depth, one.tree_.node_count) for one in model.estimators_):
        return None
    columns = _columns(line)
    trees = [_of_forest(one.tree_) for one in model.estimators_]
    count, width = float(len(trees)), int(model.estimators_[0].tree_.value.shape[2])
    if isinstance(model, RandomForestRegressor):
        return Walk(trees, [0.0], lambda total: total[0] / count, columns)
    if isinstance(predictor, Several):
        return Walk(trees, [0.0] * width, lambda total: _shares([part / count for part in total]), columns)
    return None if width == 1 else Walk(trees, [0.0] * width, lambda total: total[1] / count, columns)


def compile_boosted(predictor: Fitted) -> RowPredictor | None:
    """The walk of boosted trees over bins; None where it is another model, or a long one."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    from headrace.builtin.algorithms.sklearn_pipeline import Several

    line = predictor.pipeline
    if not isinstance(line, Pipeline) or [name for name, _ in line.steps] != ["model"]:
        return None
    model = line["model"]
    if type(model) not in {HistGradientBoostingClassifier, HistGradientBoostingRegressor}:
        return None
    rounds = model._predictors  # noqa: SLF001 - where scikit-learn keeps them
    if _long((int(tree.nodes["depth"].max()), len(tree.nodes)) for each in rounds for tree in each):
        return None
    base = model._baseline_prediction.ravel().tolist()  # noqa: SLF001 - as above
    trees = [_of_boosted(tree.nodes, place, len(each)) for each in rounds for place, tree in enumerate(each)]
    if isinstance(model, HistGradientBoostingRegressor):
        return Walk(trees, base, identity) if model.loss == "squared_error" else None
    if not isinstance(predictor, Several):
        return Walk(trees, base, logistic)
    return Walk(trees, base, softmax if len(base) > 1 else pair)


def _long(sizes: Iterable[tuple[int, int]]) -> bool:
    """Whether trees of these depths and numbers of nodes are too much together."""
    found = list(sizes)
    return sum(depth for depth, _ in found) > STEPS or sum(nodes for _, nodes in found) > NODES


def _shares(parts: list[float]) -> list[float]:
    whole = math.fsum(parts)
    return [part / whole for part in parts]


def _of_forest(tree: Any) -> Tree:  # noqa: ANN401 - scikit-learn's own
    left, none = tree.children_left.tolist(), [False] * tree.node_count
    answers = [value if ends < 0 else _NOTHING for ends, value in zip(left, tree.value[:, 0, :].tolist(), strict=True)]
    return left, tree.children_right.tolist(), tree.feature.tolist(), tree.threshold.tolist(), answers, none


def _of_boosted(nodes: Any, place: int, width: int) -> Tree:  # noqa: ANN401 - an array of records
    """A tree that adds to one of several sums."""
    leaf = nodes["is_leaf"].astype(bool).tolist()
    left = [-1 if ends else at for ends, at in zip(leaf, nodes["left"].tolist(), strict=True)]
    answers = [
        [value if at == place else 0.0 for at in range(width)] if ends else _NOTHING
        for ends, value in zip(leaf, nodes["value"].tolist(), strict=True)
    ]
    right, column, threshold = (nodes[name].tolist() for name in ("right", "feature_idx", "num_threshold"))
    return left, right, column, threshold, answers, nodes["missing_go_to_left"].astype(bool).tolist()


def _columns(line: Pipeline) -> Columns:
    """What `sklearn_pipeline.trained` put in front."""
    numbers: list[Number] = []
    marks: list[Mark] = []
    categories: list[Category] = []
    for name, step, positions in line["columns"].transformers_:
        imputer = step.named_steps["missing"] if name in {"number", "category"} else None
        if name == "number" and imputer is not None:
            means, scales, usual = step["scale"].mean_.tolist(), step["scale"].scale_.tolist(), imputer.statistics_.tolist()
            numbers = [(at, usual[i], means[i], scales[i]) for i, at in enumerate(positions)]
            for i, feature in enumerate(imputer.indicator_.features_.tolist(), len(positions)):
                marks.append((positions[feature], (1.0 - means[i]) / scales[i], (0.0 - means[i]) / scales[i]))
        elif name == "category" and imputer is not None:
            for at, codes, usual in zip(positions, step["encode"].categories_, imputer.statistics_.tolist(), strict=True):
                categories.append((at, usual, {code: place for place, code in enumerate(codes.tolist())}, len(codes)))
    width = len(numbers) + len(marks) + sum(count for *_, count in categories)
    return Columns(tuple(numbers), tuple(marks), tuple(categories), struct.Struct(f"<{width}f"))
