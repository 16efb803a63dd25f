"""Gradient-boosted trees over binned inputs by scikit-learn: for a yes or no, for several classes and for a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms.sklearn_pipeline import Fitted, Line, Several, algorithms, pipeline
from headrace.hooks import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Values = NDArray[np.float64]

_TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""Arrays of numbers alone, whose positions `_sound` holds against their lengths: compiled code follows them without looking."""


class Params(BaseModel):
    """Scikit-learn's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_iter: int = Field(default=100, ge=1, le=10_000, description="How many rounds of trees.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="How much each tree counts.")
    max_leaf_nodes: int = Field(default=31, ge=2, description="Leaves of a tree, at most.")
    max_depth: int | None = Field(default=None, ge=1, examples=[8], description="Depth of a tree, at most; null for any.")
    min_samples_leaf: int = Field(default=20, ge=1, description="Rows of a leaf, at least.")
    l2_regularization: float = Field(default=0.0, ge=0, description="L2 penalty of leaf values.")


class ClassParams(Params):
    """Scikit-learn's parameters."""

    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced` counts the rows of a rare class for more; probabilities then fit such a world, and not this one.",
    )


def _fit(matrix: Values, target: Values, params: Params, model: Any, seed: int) -> Pipeline:  # noqa: ANN401 - an estimator's class
    """Missing values go their own way in its trees, and a category enters by its code: it takes the matrix as it is."""
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    # Early stopping would hold back rows that nobody was told of.
    made = model(**params.model_dump(), random_state=seed, early_stopping=False)
    with threadpool_limits(limits=1):
        return Pipeline([("model", made)]).fit(matrix, target)


def fit_classifier(matrix: Values, target: Values, *, signature: Signature, params: ClassParams, seed: int) -> Line:  # noqa: ARG001
    """Train on (n, k) and (n,)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Line(_fit(matrix, target, params, HistGradientBoostingClassifier, seed))


def fit_multiclass(matrix: Values, target: Values, *, signature: Signature, params: ClassParams, seed: int) -> Several:  # noqa: ARG001
    """Train on (n, k) and codes (n,), 0 to c - 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Several(_fit(matrix, target, params, HistGradientBoostingClassifier, seed))


def fit_regressor(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Fitted:  # noqa: ARG001
    """Train on (n, k) and (n,)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return Fitted(_fit(matrix, target, params, HistGradientBoostingRegressor, seed))


def load_classifier(data: bytes, *, signature: Signature) -> Line:  # noqa: ARG001 - the columns stand in the file
    """The pipeline from its file; skops.io.exceptions.UntrustedTypesFoundException or ValueError where it holds anything not expected."""
    return Line(_sound(pipeline(data, _TRUSTED)))


def load_multiclass(data: bytes, *, signature: Signature) -> Several:  # noqa: ARG001 - the columns stand in the file
    """As `load_classifier`, for several classes."""
    return Several(_sound(pipeline(data, _TRUSTED)))


def load_regressor(data: bytes, *, signature: Signature) -> Fitted:  # noqa: ARG001 - the columns stand in the file
    """As `load_classifier`, for a number."""
    return Fitted(_sound(pipeline(data, _TRUSTED)))


def _sound(read: Pipeline) -> Pipeline:
    """The pipeline; ValueError where a tree points out of itself."""
    model = read[-1]
    for nodes in (tree.nodes for round_ in model._predictors for tree in round_):  # noqa: SLF001 - where scikit-learn keeps them
        inner = nodes[nodes["is_leaf"] == 0]
        at = (nodes["is_leaf"] == 0).nonzero()[0]
        after = (inner["left"] > at).all() and (inner["right"] > at).all()
        beyond = max(inner["left"].max(initial=0), inner["right"].max(initial=0)) >= len(nodes)
        if not after or beyond or inner["feature_idx"].max(initial=0) >= model.n_features_in_ or inner["is_categorical"].any():
            raise ValueError("a tree of this file points out of itself")
    return read


ALGORITHM = algorithms(__name__, "hist_gradient_boosting", "headrace.builtin.algorithms.sklearn_trees:compile_boosted")
