"""Gradient-boosted trees by LightGBM, for one of several classes: as many trees a round as there are classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.hooks import Algorithm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(trees.ClassParams):
    """LightGBM's parameters, under LightGBM's names."""

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:
        """One of the classes whose codes, 0 to c - 1, stand in (n,)."""
        return {"objective": "multiclass", "num_class": int(target.max()) + 1}


ALGORITHM = Algorithm(
    name="lightgbm.multiclass",
    task="multiclass",
    params=f"{__name__}:Params",
    fit=f"{trees.__name__}:fit",
    save=f"{trees.__name__}:save",
    load=f"{trees.__name__}:load",
    format="lightgbm-text",
    watched=True,
    compile="headrace.builtin.algorithms.lightgbm_row:compile_trees",
)
