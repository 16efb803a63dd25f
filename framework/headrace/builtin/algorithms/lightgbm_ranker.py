"""Gradient-boosted trees by LightGBM, for the order of the rows of each group: lambdarank, which raises NDCG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.hooks import Algorithm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(trees.TreeParams):
    """LightGBM's parameters, under LightGBM's names.

    Source: Burges (2010), "From RankNet to LambdaRank to LambdaMART: an overview".
    """

    lambdarank_truncation_level: int = Field(
        default=30,
        ge=1,
        le=10_000,
        description="How far down a group's order training looks, a little more than the `k` of interest; early stopping goes by it, too.",
    )
    lambdarank_norm: bool = Field(default=True, description="Whether a group counts alike however many pairs it has.")

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Pairs of a group, each by what its exchange would change of the NDCG; that, cut at the same place, is what is watched."""
        level = self.lambdarank_truncation_level
        return {
            "objective": "lambdarank",
            "lambdarank_truncation_level": level,
            "lambdarank_norm": self.lambdarank_norm,
            "metric": "ndcg",
            "eval_at": [level],
        }


ALGORITHM = Algorithm(
    name="lightgbm.ranker",
    task="ranking",
    params=f"{__name__}:Params",
    fit=f"{trees.__name__}:fit",
    save=f"{trees.__name__}:save",
    load=f"{trees.__name__}:load",
    format="lightgbm-text",
    watched=True,
    compile="headrace.builtin.algorithms.lightgbm_row:compile_trees",
)
