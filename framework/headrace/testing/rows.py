"""Rows to try plugins on: small, of both kinds of input, with all that real rows have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.hooks import Answers, Input, Signature
from headrace.hooks.answers import BINARY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_IN_A_GROUP = 10
_GRADES = 3


@dataclass(frozen=True)
class Rows:
    """A matrix (n, k), answers (n,) as `answers` says, and what the columns are."""

    matrix: NDArray[np.float64]
    target: NDArray[np.float64]
    signature: Signature
    answers: Answers = BINARY

    @property
    def group(self) -> NDArray[np.int64] | None:
        """Of a ranking, how many rows each group has: ten, and what is left."""
        import numpy as np

        if self.answers.task != "ranking":
            return None
        whole, rest = divmod(len(self.target), _IN_A_GROUP)
        return np.array([_IN_A_GROUP] * whole + [rest] * (rest > 0), dtype=np.int64)

    def kept(self) -> Rows:
        """The same, in memory of its own."""
        return replace(self, matrix=self.matrix.copy(), target=self.target.copy())

    def folds(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Positions in five folds, as an algorithm is given them that learns from folds."""
        import numpy as np

        at = np.arange(len(self.matrix)) % 5
        return [(np.flatnonzero(at != fold), np.flatnonzero(at == fold)) for fold in range(5)]

    def same(self, other: Rows) -> bool:
        """Whether no byte differs."""
        return self.matrix.tobytes() == other.matrix.tobytes() and self.target.tobytes() == other.target.tobytes()


def mixed(n: int = 300) -> Rows:
    """Two numbers and a category, each missing somewhere; the answer depends on all."""
    import numpy as np

    rng = np.random.default_rng(7)
    age, score, colour = rng.normal(40, 10, n), rng.normal(0, 1, n), rng.integers(0, 3, n).astype(float)
    chance = 1 / (1 + np.exp(-((age - 40) / 5 + score + 2 * (colour == 2) - 0.5)))  # noqa: PLR2004 - the third colour
    target = (rng.random(n) < chance).astype(float)
    age[::11], colour[::7] = np.nan, np.nan
    signature = Signature((Input("age", "number"), Input("score", "number"), Input("colour", "category", ("blue", "green", "red"))))
    return Rows(np.column_stack([age, score, colour]), target, signature)


def texts(n: int) -> NDArray[np.object_]:
    """Two columns of texts, (n, 2): some empty, one with no letter, one of many words, some in other scripts."""
    import numpy as np

    rng, words = np.random.default_rng(7), ("late", "broken", "thanks", "größer", "不错", "crème", "1984", "🙂", "don't", "\u0301x")
    found = np.array([[" ".join(rng.choice(words, size)) for size in sizes] for sizes in rng.integers(0, 8, (n, 2))], dtype=object)
    found[1, 0], found[2, 0] = "... !", " ".join(words) * 500
    return found


def of(answers: Answers, rows: Rows) -> Rows:
    """The same rows with answers of another task: how often each stands among the binary ones, as a class, a number or a relevance."""
    import numpy as np

    if answers.task == "binary":
        return rows
    rng = np.random.default_rng(7)
    score = 2 * rows.target + np.nan_to_num(rows.matrix[:, 1 % rows.matrix.shape[1]]) + rng.normal(0, 0.1, len(rows.target))
    if answers.task not in {"multiclass", "ranking"}:
        return replace(rows, target=score, answers=answers)
    parts = len(answers.classes) or _GRADES
    edges = np.quantile(score, np.arange(1, parts) / parts)
    return replace(rows, target=np.searchsorted(edges, score).astype(float), answers=answers)


def one_class() -> Rows:
    """Every answer is 0."""
    import numpy as np

    rows = mixed(60)
    return Rows(rows.matrix, np.zeros(60), rows.signature)


def wide() -> Rows:
    """Twice as many inputs as rows."""
    import numpy as np

    rng = np.random.default_rng(7)
    matrix, target = rng.normal(size=(30, 60)), np.tile([0.0, 1.0], 15)
    return Rows(matrix, target, Signature(tuple(Input(f"input_{i}", "number") for i in range(60))))


def empty_column() -> Rows:
    """One input is missing in every row."""
    import numpy as np

    rows = mixed(120)
    matrix = rows.matrix.copy()
    matrix[:, 1] = np.nan
    return replace(rows, matrix=matrix)
