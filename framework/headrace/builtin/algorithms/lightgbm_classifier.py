"""Gradient-boosted trees by LightGBM, for a yes or no; saved as LightGBM's own text. Its other objectives train and save alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Algorithm, Signature

if TYPE_CHECKING:
    import lightgbm
    import numpy as np
    from numpy.typing import NDArray


class TreeParams(BaseModel):
    """LightGBM's parameters, under LightGBM's names: those of all its objectives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="How much each tree counts.")
    num_leaves: int = Field(default=31, ge=2, le=131_072, description="Leaves of a tree, at most.")
    max_depth: int = Field(default=-1, ge=-1, le=64, description="Depth of a tree, at most; -1 for any.")
    max_bin: int = Field(default=255, ge=2, le=65_535, description="Bins of a number, at most.")
    min_child_samples: int = Field(default=20, ge=1, description="Rows of a leaf, at least.")
    min_split_gain: float = Field(default=0.0, ge=0, description="What a split must gain, at least.")
    subsample: float = Field(default=1.0, gt=0, le=1, description="The share of rows that a tree sees.")
    subsample_freq: int = Field(default=0, ge=0, description="After how many trees the rows are drawn again; 0 never draws.")
    colsample_bytree: float = Field(default=1.0, gt=0, le=1, description="The share of inputs that a tree sees.")
    reg_alpha: float = Field(default=0.0, ge=0, description="L1 penalty of leaf values.")
    reg_lambda: float = Field(default=0.0, ge=0, description="L2 penalty of leaf values.")
    cat_smooth: float = Field(default=10.0, ge=0, description="How strongly rare categories are smoothed.")
    cat_l2: float = Field(default=10.0, ge=0, description="L2 penalty of splits by category.")

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:
        """What LightGBM is told of the task, which answers (n,) may decide."""
        raise NotImplementedError

    def weight(self, target: NDArray[np.float64]) -> NDArray[np.float64] | None:  # noqa: ARG002 - answers may decide it
        """How much each row counts, (n,); None for all alike."""
        return None


_SETTINGS = set(TreeParams.model_fields) - {"n_estimators"}


class ClassParams(TreeParams):
    """Those of the objectives that tell classes apart."""

    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced` counts the rows of a rare class for more; probabilities then fit such a world, and not this one.",
    )

    def weight(self, target: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Balanced, every class counts alike in all: n / (classes * rows of the class), as scikit-learn has it."""
        import numpy as np

        if self.class_weight is None:
            return None
        _, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
        return np.asarray((len(target) / (len(counts) * counts))[codes])


class Params(ClassParams):
    """LightGBM's parameters, under LightGBM's names."""

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """A yes or no."""
        return {"objective": "binary"}


@dataclass(frozen=True, slots=True)
class Trees:
    """A trained booster."""

    booster: lightgbm.Booster

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to what the objective says: (n,), or (n, c) of several classes."""
        import numpy as np

        if not len(matrix):
            several = self.booster.num_model_per_iteration()
            return np.empty((0, several) if several > 1 else 0)
        return np.asarray(self.booster.predict(matrix, num_threads=1), dtype=np.float64)


def fit(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: TreeParams, seed: int) -> Trees:
    """Train on (n, k) and (n,); the same rows, parameters and seed give the same bytes."""
    import lightgbm

    data = lightgbm.Dataset(
        matrix,
        label=target,
        weight=params.weight(target),
        feature_name=[item.name for item in signature.inputs],
        categorical_feature=list(signature.categorical),
        params={"verbosity": -1, "max_bin": params.max_bin},
    )
    settings = params.model_dump(include=_SETTINGS) | {
        **params.objective(target),
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # More threads than cores are many times slower, and one is what a repeated run can rely on.
        "num_threads": 1,
        "verbosity": -1,
    }
    return Trees(lightgbm.train(settings, data, num_boost_round=params.n_estimators))


def save(predictor: Trees) -> bytes:
    """The model as LightGBM writes it."""
    text: str = predictor.booster.model_to_string()
    return text.encode()


def load(data: bytes, *, signature: Signature) -> Trees:  # noqa: ARG001 - the names stand in the text
    """The model from its text; lightgbm.basic.LightGBMError where it is none."""
    import lightgbm

    return Trees(lightgbm.Booster(model_str=data.decode()))


ALGORITHM = Algorithm(
    name="lightgbm.classifier",
    task="binary",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="lightgbm-text",
)
