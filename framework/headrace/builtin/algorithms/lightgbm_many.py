"""LightGBM for many rows at once: trees as bit masks that numpy ands an input at a time, to the same bits as LightGBM's own walk.

A node that sends a row to the right rules out the leaves to its left; of the leaves that no node rules out, the leftmost is the row's. What
a node does hangs on one input alone, so that all nodes of an input give one mask a tree for each stretch between their thresholds. Source:
Lucchese et al. (2015), "QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import lightgbm
    import numpy as np
    from numpy.typing import NDArray

    Convert = Callable[[NDArray[np.float64]], NDArray[np.float64]]

MOST_LEAVES = 52
"""Leaves of a tree, at most: as many bits as a float64 holds without rounding."""
MOST_BYTES = 32 * 2**20
"""What all masks of a model may take."""
_HALF = 31
"""So many leaves fit into a mask of 32 bits."""
_TREES, _ROWS = 256, 256
"""So many trees' masks stay near a core while so many rows go through them."""
_BESIDE = 3
"""Positions beside those of the edges: beyond the last, at 0, and NaN."""
_ZERO = 1.0000000180025095e-35
"""LightGBM's kZeroThreshold: what is no further from 0 is 0."""
_CATEGORY, _LEFT, _KIND = 1, 2, 2
"""Of a node's `decision_type`: the bit of a category, that of a default to the left, and where its kind of missing values begins."""
_AT_ZERO, _AT_NAN = 1, 2
"""Which values are missing: 0 and NaN, or NaN alone."""
_EXPONENT, _BIAS = 52, 1023
"""Where a float64 has its exponent, which of a whole number is its highest bit."""


@dataclass(frozen=True, slots=True)
class _Node:
    """What one node decides by, and the mask of the leaves that it leaves where it sends a row to the right."""

    tree: int
    feature: int
    threshold: float
    decision: int
    categories: frozenset[int]
    leaves: int

    def right(self, value: float) -> bool:
        """Whether 0 or NaN goes to the right, as Tree::NumericalDecision and Tree::CategoricalDecision have it."""
        if self.decision & _CATEGORY:
            return math.isnan(value) or 0 not in self.categories
        kind = self.decision >> _KIND
        if kind == _AT_ZERO or (kind == _AT_NAN and math.isnan(value)):
            return not self.decision & _LEFT
        return self.threshold < 0.0  # NaN is 0 where it is not missing


@dataclass(frozen=True, slots=True)
class _Column:
    """What one input leaves: a mask a tree for each stretch of its values, then for 0 and for NaN, (positions, trees)."""

    feature: int
    edges: NDArray[np.float64]
    """Ascending; a value's position is how many of them are less than it."""
    category: bool
    masks: NDArray[Any]

    def categories(self, values: NDArray[np.float64], nan: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(n,): the row of `masks` of each value, of which some are NaN."""
        import numpy as np

        # A category is the whole part of a number; one that no node knows goes where none at all goes.
        values = np.trunc(values)
        found = self.edges.searchsorted(values)
        found[nan | (values < 0) | (values > self.edges[-1])] = len(self.masks) - 1
        return found


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Where numbers stand among the edges of k inputs: all are looked up by halves together, with no branch for a core to guess."""

    features: NDArray[np.int64]
    edges: NDArray[np.float64]
    """Those of each input behind one another, each filled up with infinity to a power of 2."""
    size: int
    begins: NDArray[np.int64]
    """(k, 1): where those of an input begin."""
    nans: NDArray[np.int64]
    """(k, 1): the row of an input's masks for NaN; the one for 0 is before it."""

    @classmethod
    def of(cls, columns: Sequence[_Column]) -> _Numbers:
        """The columns, none of which is a category's."""
        import numpy as np

        size = 1 << max((len(column.edges) for column in columns), default=0).bit_length()
        edges = np.full((len(columns), size), np.inf)
        for own, column in zip(edges, columns, strict=True):
            own[: len(column.edges)] = column.edges
        features = np.array([column.feature for column in columns], dtype=np.int64)
        nans = np.array([len(column.masks) - 1 for column in columns], dtype=np.int64)
        return cls(features, edges.ravel(), size, (np.arange(len(columns)) * size)[:, None], nans[:, None])

    def positions(self, by_input: NDArray[np.float64], zero: NDArray[np.bool_] | None, nan: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """(k, n): the row of its input's masks of each value; which of them are 0, and which NaN, where any is."""
        import numpy as np

        values = by_input[self.features]
        found = np.repeat(self.begins, values.shape[1], axis=1)
        edge, step = np.empty_like(values), self.size // 2
        while step:
            self.edges[step - 1 :].take(found, None, edge, "clip")
            found += (edge < values) * np.int64(step)
            step //= 2
        found -= self.begins
        if zero is not None:
            np.copyto(found, self.nans - 1, where=zero[self.features])
        if nan is not None:
            np.copyto(found, self.nans, where=nan[self.features])
        return found


@dataclass(frozen=True, slots=True)
class _Block:
    """Some trees that follow one another: their masks by input, all leaves of each, and the leaves' values by bit."""

    columns: tuple[_Column, ...]
    """Of numbers, and then of categories."""
    numbers: _Numbers
    whole: NDArray[Any]
    offsets: NDArray[np.int64]
    values: NDArray[np.float64]

    def positions(self, by_input: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
        """By column, where the values of each input stand, (k, n)."""
        import numpy as np

        zero, nan = np.abs(by_input) <= _ZERO, np.isnan(by_input)
        yield from self.numbers.positions(by_input, zero if zero.any() else None, nan if nan.any() else None)
        for column in self.columns[len(self.numbers.features) :]:
            yield column.categories(by_input[column.feature], nan[column.feature])

    def add(self, by_input: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        """Add what each tree says of some rows, (k, m), to their scores, (m, c), tree by tree, since sums of floats have an order."""
        import numpy as np

        rows, several = scores.shape
        left = np.empty((rows, len(self.whole)), self.whole.dtype)
        left[:] = self.whole
        taken = np.empty_like(left)
        for column, rows_of in zip(self.columns, self.positions(by_input), strict=True):
            column.masks.take(rows_of, 0, taken, "clip")
            np.bitwise_and(left, taken, left)
        # The leftmost leaf is the highest bit, which is the exponent of the mask as a number.
        leaves = left.astype(np.float64).view(np.int64)
        leaves >>= _EXPONENT
        leaves += self.offsets
        told = self.values.take(leaves, mode="clip")
        for at in range(several):
            own = told[:, at::several]
            own[:, 0] += scores[:, at]
            np.add.accumulate(own, axis=1, out=own)
            scores[:, at] = own[:, -1]


@dataclass(frozen=True, slots=True)
class Forest:
    """A booster's answers to many rows at once, to the last bit."""

    concurrent: ClassVar[bool] = True
    """Nothing of it changes."""

    blocks: tuple[_Block, ...]
    several: int
    convert: Convert
    width: int

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to (n,), or (n, c) of several classes; ValueError for another k, as LightGBM's error."""
        import numpy as np

        if matrix.shape[1] != self.width:
            raise ValueError(f"{matrix.shape[1]} inputs, and the model has {self.width}")
        scores = np.zeros((len(matrix), self.several))
        for start in range(0, len(matrix), _ROWS):
            part = slice(start, start + _ROWS)
            by_input = np.ascontiguousarray(matrix[part].T, dtype=np.float64)
            for block in self.blocks:
                block.add(by_input, scores[part])
        return self.convert(scores)


@dataclass(frozen=True, slots=True)
class Forests:
    """A booster for each level of a quantile model."""

    concurrent: ClassVar[bool] = True

    levels: tuple[Forest, ...]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to (n, q), ascending in each row."""
        import numpy as np

        return np.sort(np.column_stack([one.predict(matrix) for one in self.levels]), axis=1)


def forest(booster: lightgbm.Booster) -> Forest | None:
    """The model of a booster; None where it has what is not known here, or is too large for masks to be worth it."""
    text, _, _ = booster.model_to_string().partition("\nend of trees")
    head, *trees = text.split("\nTree=")
    said, read = _fields(head), [_fields(tree) for tree in trees]
    convert, several = _conversion(said.get("objective", "")), int(said["num_tree_per_iteration"])
    leaves = max((int(tree["num_leaves"]) for tree in read), default=0)
    if convert is None or not 0 < leaves <= MOST_LEAVES or len(read) % several:
        return None
    if "average_output" in said or any(tree.get("is_linear", "0") != "0" for tree in read):
        return None
    blocks, size, step = [], 0, max(1, _TREES // several) * several
    for start in range(0, len(read), step):
        block = _block(read[start : start + step], leaves, MOST_BYTES - size)
        if block is None:
            return None
        size += sum(column.masks.nbytes for column in block.columns)
        blocks.append(block)
    return Forest(tuple(blocks), several, convert, int(said["max_feature_idx"]) + 1)


def _fields(text: str) -> dict[str, str]:
    """The lines of a part of LightGBM's text, by name."""
    return {name: value for name, _, value in (line.partition("=") for line in text.split("\n"))}


def _block(trees: Sequence[Mapping[str, str]], leaves: int, most: int) -> _Block | None:
    """Some trees as masks; None where these would take more bytes than may be, or an input is a category here and a number there."""
    import numpy as np

    bits, kind = (_HALF, np.int32) if leaves <= _HALF else (MOST_LEAVES, np.int64)
    nodes: dict[int, list[_Node]] = {}
    whole, values = np.empty(len(trees), kind), np.zeros((len(trees), bits))
    for at, tree in enumerate(trees):
        told, made = [float(value) for value in tree["leaf_value"].split()], _Tree(tree, at, bits)
        whole[at] = made.whole
        values[at, [bits - 1 - place for place in range(len(made.order))]] = [told[leaf] for leaf in made.order]
        for node in made.nodes:
            nodes.setdefault(node.feature, []).append(node)
    columns = []
    for feature, found in sorted(nodes.items()):
        category = bool(found[0].decision & _CATEGORY)
        edges = _edges(found, category=category)
        most -= (len(edges) + _BESIDE) * len(trees) * np.dtype(kind).itemsize
        if most < 0 or any(bool(node.decision & _CATEGORY) != category for node in found):
            return None
        columns.append(_Column(feature, edges, category, _masks(found, edges, len(trees), kind)))
    columns.sort(key=lambda column: column.category)
    numbers = _Numbers.of([column for column in columns if not column.category])
    return _Block(tuple(columns), numbers, whole, np.arange(len(trees)) * bits - _BIAS, values.ravel())


class _Tree:
    """One tree of LightGBM's text: its leaves from left to right, and its nodes with the leaves that each leaves."""

    def __init__(self, tree: Mapping[str, str], at: int, bits: int) -> None:
        self.order: list[int] = []
        self.nodes: list[_Node] = []
        self._at, self._bits = at, bits
        self._children = _wholes(tree, "left_child"), _wholes(tree, "right_child")
        self._split = list(
            zip(
                _wholes(tree, "split_feature"),
                map(float, tree.get("threshold", "").split()),
                _wholes(tree, "decision_type"),
                strict=True,
            )
        )
        self._categories = list(_categories(tree))
        self.whole = self._walked(0 if self._split else -1)

    def _walked(self, node: int) -> int:
        """The mask of the leaves below a node, or of the leaf that a number below 0 stands for."""
        if node < 0:
            self.order.append(~node)
            return 1 << (self._bits - len(self.order))
        left = self._walked(self._children[0][node])
        feature, threshold, decision = self._split[node]
        known = self._categories[int(threshold)] if decision & _CATEGORY else frozenset[int]()
        self.nodes.append(_Node(self._at, feature, threshold, decision, known, ~left))
        return left | self._walked(self._children[1][node])


def _wholes(tree: Mapping[str, str], name: str) -> list[int]:
    return [int(value) for value in tree.get(name, "").split()]


def _categories(tree: Mapping[str, str]) -> Iterator[frozenset[int]]:
    """The categories that go to the left, of each split by categories: bits of words of 32."""
    ends, words = _wholes(tree, "cat_boundaries"), _wholes(tree, "cat_threshold")
    for start, end in pairwise(ends):
        yield frozenset(32 * at + bit for at, word in enumerate(words[start:end]) for bit in range(32) if word >> bit & 1)


def _edges(nodes: Sequence[_Node], *, category: bool) -> NDArray[np.float64]:
    """Where what the nodes of one input do may change, ascending: each threshold, or each category."""
    import numpy as np

    if category:
        return np.arange(max(max(node.categories, default=0) for node in nodes) + 1, dtype=np.float64)
    return np.array(sorted({node.threshold for node in nodes}))


def _masks(nodes: Sequence[_Node], edges: NDArray[np.float64], trees: int, kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """What the nodes of one input leave of each tree, (positions, trees)."""
    import numpy as np

    masks = np.full((len(edges) + _BESIDE, trees), -1, kind)
    for node in nodes:
        if node.decision & _CATEGORY:
            right = np.ones(len(edges), dtype=bool)
            right[list(node.categories)] = False
            masks[: len(edges)][right, node.tree] &= node.leaves
        else:
            masks[int(edges.searchsorted(node.threshold)) + 1 : len(edges) + 1, node.tree] &= node.leaves
        for place, value in ((-2, 0.0), (-1, math.nan)):
            if node.right(value):
                masks[place, node.tree] &= node.leaves
    return masks


def _conversion(objective: str) -> Convert | None:
    """How LightGBM makes an answer of raw scores, by its objective; None where that is not known here."""
    name, _, rest = objective.partition(" ")
    told = dict(item.partition(":")[::2] for item in rest.split())
    match name:
        case "binary":
            return partial(_sigmoid, steepness=float(told.get("sigmoid", "1")))
        case "multiclass":
            return _softmax
        case "poisson" | "tweedie":
            return _exponential
        case "regression" | "regression_l1" | "quantile" | "lambdarank":
            return None if "sqrt" in told else _first
        case _:
            return None


def _first(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores[:, 0].copy()


def _exponential(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.array(_exp(scores[:, 0].tolist()))


def _sigmoid(scores: NDArray[np.float64], *, steepness: float) -> NDArray[np.float64]:
    import numpy as np

    return 1.0 / (1.0 + np.array(_exp((-steepness * scores[:, 0]).tolist())))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    most = scores.max(axis=1, keepdims=True)
    told = np.array(_exp((scores - most).ravel().tolist())).reshape(scores.shape)
    # The sum of a row in the order of its classes, as LightGBM has it.
    return np.asarray(told / np.add.accumulate(told, axis=1)[:, -1:])


def _exp(values: list[float]) -> list[float]:
    """By the C library, as LightGBM has it: numpy's own differs in the last bit."""
    try:
        return list(map(math.exp, values))
    except OverflowError:
        return [math.exp(value) if value < _OVERFLOW else math.inf for value in values]


_OVERFLOW = math.log(float.fromhex("0x1.fffffffffffffp+1023"))
