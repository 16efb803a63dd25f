"""Gradient-boosted trees by XGBoost, for a yes or no; saved as XGBoost's JSON, which holds data alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Algorithm, Signature, hookimpl

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray

__all__ = ["ALGORITHM", "Params", "headrace_algorithms"]


class Params(BaseModel):
    """XGBoost's parameters, under XGBoost's names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees.")
    learning_rate: float = Field(default=0.3, gt=0, le=1, description="How much each tree counts.")
    max_depth: int = Field(default=6, ge=0, le=64, description="Depth of a tree, at most; 0 for any.")
    max_leaves: int = Field(default=0, ge=0, description="Leaves of a tree, at most; 0 for any.")
    max_bin: int = Field(default=256, ge=2, le=65_535, description="Bins of a number, at most.")
    min_child_weight: float = Field(default=1.0, ge=0, description="Weight of a leaf's rows, at least.")
    gamma: float = Field(default=0.0, ge=0, description="What a split must gain, at least.")
    subsample: float = Field(default=1.0, gt=0, le=1, description="The share of rows that a tree sees.")
    colsample_bytree: float = Field(default=1.0, gt=0, le=1, description="The share of inputs that a tree sees.")
    reg_alpha: float = Field(default=0.0, ge=0, description="L1 penalty of leaf values.")
    reg_lambda: float = Field(default=1.0, ge=0, description="L2 penalty of leaf values.")
    scale_pos_weight: float = Field(default=1.0, gt=0, description="How much a positive row weighs.")
    grow_policy: Literal["depthwise", "lossguide"] = Field(default="depthwise", description="Whether levels or the best leaf grow first.")


@dataclass(frozen=True, slots=True)
class Trees:
    """A trained booster, and what its columns are."""

    booster: xgboost.Booster
    signature: Signature

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to the probability of the positive class, shape (n,)."""
        import numpy as np

        if not len(matrix):
            return np.empty(0)
        return np.asarray(self.booster.predict(_data(matrix, self.signature)), dtype=np.float64)


def _data(matrix: NDArray[np.float64], signature: Signature, target: NDArray[np.float64] | None = None) -> xgboost.DMatrix:
    import numpy as np
    import xgboost

    types = ["c" if item.type == "category" else "q" for item in signature.inputs]
    # Names are left out: XGBoost refuses brackets in them, and the order of columns is the signature's.
    return xgboost.DMatrix(matrix, label=target, feature_types=types, missing=np.nan, nthread=1, enable_categorical=True)


def fit(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int) -> Trees:
    """Train on (n, k) and (n,); the same rows, parameters and seed give the same bytes."""
    import xgboost

    settings = params.model_dump(exclude={"n_estimators"}) | {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "base_score": min(max(float(target.mean()), 1e-6), 1 - 1e-6),
        "seed": seed,
        # More threads add in another order, and one is what a repeated run can rely on.
        "nthread": 1,
        "verbosity": 0,
    }
    booster = xgboost.train(settings, _data(matrix, signature, target), num_boost_round=params.n_estimators)
    return _ready(booster, signature)


def _ready(booster: xgboost.Booster, signature: Signature) -> Trees:
    booster.set_param({"nthread": 1, "verbosity": 0})
    return Trees(booster, signature)


def save(predictor: Trees) -> bytes:
    """The model as JSON."""
    return bytes(predictor.booster.save_raw("json"))


def load(data: bytes, *, signature: Signature) -> Trees:
    """The model from its JSON; ValueError where it is none."""
    import xgboost

    # A broken file ends XGBoost's own reader, and Python with it: only what is whole JSON gets there.
    if "learner" not in json.loads(data):
        raise ValueError("the file is no model of XGBoost")
    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    return _ready(booster, signature)


ALGORITHM = Algorithm(
    name="xgboost.classifier",
    task="binary",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="xgboost-json",
)


@hookimpl
def headrace_algorithms() -> list[Algorithm]:
    """The algorithms of this plugin."""
    return [ALGORITHM]
