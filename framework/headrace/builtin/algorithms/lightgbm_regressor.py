"""Gradient-boosted trees by LightGBM, for a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.hooks import Algorithm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(trees.TreeParams):
    """LightGBM's parameters, under LightGBM's names."""

    loss: Literal["regression", "regression_l1", "huber", "poisson", "tweedie"] = Field(
        default="regression",
        description="LightGBM's `objective`: the squared error, the absolute one, one between both, or the deviance of counts, of amounts.",
    )

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """The loss."""
        return {"objective": self.loss}


ALGORITHM = Algorithm(
    name="lightgbm.regressor",
    task="regression",
    params=f"{__name__}:Params",
    fit=f"{trees.__name__}:fit",
    save=f"{trees.__name__}:save",
    load=f"{trees.__name__}:load",
    format="lightgbm-text",
    watched=True,
    compile="headrace.builtin.algorithms.lightgbm_row:compile_trees",
)
