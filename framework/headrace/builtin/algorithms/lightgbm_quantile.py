"""Gradient-boosted trees by LightGBM, for quantiles of a number: one booster a level; saved as their texts in one JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.builtin.algorithms.levels import Levels
from headrace.hooks import Algorithm, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(trees.TreeParams):
    """LightGBM's parameters, under LightGBM's names, and the levels."""

    quantiles: Levels = Field(default=(0.1, 0.5, 0.9), description="The levels, ascending: how much of what happens lies below each.")

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """The pinball loss of the one level that is left."""
        (level,) = self.quantiles
        return {"objective": "quantile", "alpha": level}


@dataclass(frozen=True, slots=True)
class Fan:
    """A trained booster for each level."""

    levels: tuple[trees.Trees, ...]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to (n, q), ascending in each row.

        Levels that were trained apart may cross; sorting a row's values never fits worse than leaving them crossed. Source: Chernozhukov,
        Fernandez-Val and Galichon (2010), "Quantile and probability curves without crossing".
        """
        import numpy as np

        return np.sort(np.column_stack([one.predict(matrix) for one in self.levels]), axis=1)


def fit(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int) -> Fan:
    """Train on (n, k) and (n,), once a level; the same rows, parameters and seed give the same bytes."""
    each = [params.model_copy(update={"quantiles": (level,)}) for level in params.quantiles]
    return Fan(tuple(trees.fit(matrix, target, signature=signature, params=one, seed=seed) for one in each))


def save(predictor: Fan) -> bytes:
    """A JSON list of the models as LightGBM writes them."""
    return json.dumps([one.booster.model_to_string() for one in predictor.levels]).encode()


def load(data: bytes, *, signature: Signature) -> Fan:
    """The models from their texts; ValueError or lightgbm.basic.LightGBMError where they are none."""
    return Fan(tuple(trees.load(text.encode(), signature=signature) for text in json.loads(data)))


ALGORITHM = Algorithm(
    name="lightgbm.quantile",
    task="quantile",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="lightgbm-text-json",
)
