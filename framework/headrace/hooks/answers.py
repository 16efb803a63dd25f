"""What a model of each task answers: how a target becomes numbers, what an answer must be, and what a caller is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, assert_never, get_args

from headrace.stats.category import category_texts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression", "quantile", "ranking"]
TASKS: tuple[Task, ...] = get_args(Task)
MOST_RELEVANT = 30
"""The greatest relevance of a row in a ranking: it gains 2**30 - 1 by then, and LightGBM has no more."""
_WHOLE = 1e-6
"""How far the probabilities of one row may be from 1 together."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one version answers.

    `binary`: the probability of a yes, (n,). `multiclass`: a probability for each of `classes`, (n, c), rows summing to 1.
    `regression`: a number, (n,). `quantile`: a number for each level of `quantiles`, (n, q), never crossing. `ranking`: a score, (n,), by
    which the rows of one group are ordered, the highest first; it says nothing across groups.
    """

    task: Task = "binary"
    classes: tuple[str, ...] = ()
    """The labels in the order of the columns: those of the training rows, sorted."""
    quantiles: tuple[float, ...] = ()
    """The levels in the order of the columns, ascending."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Answers:
        """As a registration recorded it; versions from before there was another task are binary."""
        return cls(manifest.get("task", "binary"), tuple(manifest.get("classes", ())), tuple(manifest.get("quantiles", ())))

    def to_json(self) -> dict[str, Any]:
        """As a manifest has it."""
        told: dict[str, Any] = {"task": self.task}
        if self.classes:
            told["classes"] = list(self.classes)
        return told | ({"quantiles": list(self.quantiles)} if self.quantiles else {})

    @property
    def keys(self) -> tuple[str, ...]:
        """What the columns of an answer are called in JSON; empty where an answer is one number."""
        return self.classes or tuple(f"{level:g}" for level in self.quantiles)

    @property
    def middle(self) -> int:
        """The position of the level that is nearest to a half: the one number that stands for all quantiles."""
        return min(range(len(self.quantiles)), key=lambda at: abs(self.quantiles[at] - 0.5))

    def shape(self, rows: int) -> tuple[int, ...]:
        """The shape of the answers to so many rows."""
        return (rows, len(self.keys)) if self.keys else (rows,)

    def target(self, column: pd.Series[Any]) -> NDArray[np.float64]:
        """A column of what is true, (n,), as float64: a class is its position in `classes`; NaN for what is none of them."""
        import numpy as np
        import pandas as pd

        if self.task != "multiclass":
            return column.to_numpy(dtype=float)
        codes = pd.Categorical(category_texts(column)[0], categories=list(self.classes)).codes
        return np.where(codes < 0, np.nan, codes).astype(float)

    def fault(self, given: Any, rows: int) -> str | None:  # noqa: ANN401 - whatever a plugin gave
        """Why these are no answers to so many rows; None where they are."""
        import numpy as np

        if not isinstance(given, np.ndarray) or given.shape != self.shape(rows):
            shape = f"an answer of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
            return f"gave {shape} to {rows:,} rows, and not {self.shape(rows)}"
        if self.task == "binary":
            bad, none = ~((given >= 0) & (given <= 1)), np.isnan(given)
            return f"gave no probability for {bad.sum():,} of {rows:,} rows ({none.sum():,} are NaN)" if bad.any() else None
        sound, what = self._sound(given)
        return None if sound.all() else f"gave no {what} for {(~sound).sum():,} of {rows:,} rows"

    def _sound(self, given: NDArray[np.float64]) -> tuple[NDArray[np.bool_], str]:
        """Which rows, (n,), have an answer of the task, and what that is."""
        import numpy as np

        match self.task:
            case "multiclass":
                whole = abs(given.sum(axis=1) - 1) <= _WHOLE
                return np.asarray(((given >= 0) & (given <= 1)).all(axis=1) & whole), "probabilities that sum to 1"
            case "quantile":
                rising = (np.diff(given, axis=1) >= 0).all(axis=1)
                return np.asarray(np.isfinite(given).all(axis=1) & rising), "quantiles that rise with their levels"
            case "regression" | "ranking":
                return np.isfinite(given), "number"
            case "binary":
                return np.asarray((given >= 0) & (given <= 1)), "probability"
            case _:
                assert_never(self.task)

    def short(self, given: NDArray[np.float64]) -> NDArray[Any]:
        """One value a row, (n,), by which drift is told: a probability, the label, the number, the middle quantile, the score."""
        import numpy as np

        match self.task:
            case "multiclass":
                return np.asarray(np.array(self.classes, dtype=object)[given.argmax(axis=1)])
            case "quantile":
                return np.asarray(given[:, self.middle])
            case _:
                return given

    def output(self, row: Sequence[float]) -> float:
        """The one number that the journal has of an answer: of several classes, the probability of the one that was answered."""
        return float(max(row) if self.task == "multiclass" else row[self.middle])


BINARY = Answers()
"""A yes or no."""


def label(probabilities: Mapping[str, float]) -> str:
    """The class that was answered: the most probable, and of equals the first."""
    return max(probabilities, key=probabilities.__getitem__)


def by_class(
    rows: Sequence[tuple[float | Mapping[str, float], float | str | None]],
) -> tuple[Answers, NDArray[np.float64], NDArray[np.float64]]:
    """Answers and outcomes of versions that may know other classes: codes (n,) and probabilities (n, c).

    The classes are all that were ever answered or true here; one that was not answered has probability 0.
    """
    import numpy as np

    answered = {name for answer, _ in rows if isinstance(answer, Mapping) for name in answer}
    names = sorted({str(outcome) for _, outcome in rows} | answered)
    place = {name: position for position, name in enumerate(names)}
    codes = np.array([place[str(outcome)] for _, outcome in rows], dtype=np.float64)
    said = np.array([[answer.get(name, 0.0) if isinstance(answer, Mapping) else 0.0 for name in names] for answer, _ in rows])
    return Answers("multiclass", tuple(names)), codes, said
