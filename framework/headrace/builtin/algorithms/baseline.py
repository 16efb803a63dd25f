"""Plain answers that look at no input, to compare with: what is usual in the training rows; saved as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms.levels import Levels
from headrace.hooks import Algorithm, Signature, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class Params(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class QuantileParams(Params):
    """The levels."""

    quantiles: Levels = Field(default=(0.1, 0.5, 0.9), description="The levels, ascending; those of the model that it is compared with.")


@dataclass(frozen=True, slots=True)
class Usual:
    """The same answer to every row: one number, or several."""

    answer: float | tuple[float, ...]

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to (n,), or to (n, c)."""
        import numpy as np

        return np.tile(np.asarray(self.answer, dtype=np.float64), (len(matrix), 1) if isinstance(self.answer, tuple) else len(matrix))


def fit_majority(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Usual:  # noqa: ARG001 - the contract
    """The share of 1 in (n,): the majority wins at a threshold of a half, and no constant has a better log loss."""
    return Usual(float(target.mean()))


def fit_majority_multiclass(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Usual:  # noqa: ARG001
    """The share of each class in codes (n,): the most frequent one is what is answered."""
    import numpy as np

    shares = np.bincount(target.astype(np.int64)) / len(target)
    return Usual(tuple(float(share) for share in shares))


def fit_mean(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Usual:  # noqa: ARG001 - the contract
    """The mean of (n,): no constant has a smaller squared error."""
    return Usual(float(target.mean()))


def fit_median(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Usual:  # noqa: ARG001 - the contract
    """The median of (n,): no constant has a smaller absolute error."""
    import numpy as np

    return Usual(float(np.median(target)))


def fit_quantile(matrix: Values, target: Values, *, signature: Signature, params: QuantileParams, seed: int) -> Usual:  # noqa: ARG001
    """The quantiles of (n,): no constants have a smaller pinball loss."""
    import numpy as np

    return Usual(tuple(float(value) for value in np.quantile(target, params.quantiles)))


def fit_random_order(
    matrix: Values,  # noqa: ARG001
    target: Values,  # noqa: ARG001
    *,
    group: NDArray[np.int64],  # noqa: ARG001
    signature: Signature,  # noqa: ARG001
    params: Params,  # noqa: ARG001
    seed: int,  # noqa: ARG001
) -> Usual:
    """The same score for every row: of equal scores a metric takes the mean over all orders, what a random order is worth."""
    return Usual(0.0)


def save(predictor: Usual) -> bytes:
    """The answer as JSON; Python writes and reads each number exactly."""
    return json.dumps({"answer": predictor.answer}).encode()


def load(data: bytes, *, signature: Signature) -> Usual:  # noqa: ARG001 - no input counts
    """The answer from its JSON; ValueError, KeyError or TypeError where there is none."""
    answer: Any = json.loads(data)["answer"]
    return Usual(tuple(float(value) for value in answer) if isinstance(answer, list) else float(answer))


def _algorithm(name: str, task: Task, params: str = "Params") -> Algorithm:
    return Algorithm(
        name=f"baseline.{name}",
        task=task,
        params=f"{__name__}:{params}",
        fit=f"{__name__}:fit_{name}",
        save=f"{__name__}:save",
        load=f"{__name__}:load",
        format="json",
        constant=True,
    )


ALGORITHM = (
    _algorithm("majority", "binary"),
    _algorithm("majority_multiclass", "multiclass"),
    _algorithm("mean", "regression"),
    _algorithm("median", "regression"),
    _algorithm("quantile", "quantile", "QuantileParams"),
    _algorithm("random_order", "ranking"),
)
