"""Random forests by scikit-learn: for a yes or no, for several classes and for a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms.sklearn_pipeline import Fitted, Line, Several, algorithms, pipeline, trained
from headrace.hooks import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Values = NDArray[np.float64]

_TRUSTED = ("sklearn.tree._tree.Tree",)
"""Arrays of numbers alone, whose positions `_sound` holds against their lengths: compiled code follows them without looking."""


class Params(BaseModel):
    """Scikit-learn's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees.")
    max_depth: int | None = Field(default=None, ge=1, examples=[8], description="Depth of a tree, at most; null for any.")
    min_samples_leaf: int = Field(default=1, ge=1, description="Rows of a leaf, at least.")
    max_features: float = Field(default=1.0, gt=0, le=1, description="The share of inputs that a split looks at.")


class ClassParams(Params):
    """Scikit-learn's parameters."""

    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced` counts the rows of a rare class for more; probabilities then fit such a world, and not this one.",
    )


def _fit(model: Any, matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Pipeline:  # noqa: ANN401 - a forest's class
    return trained(matrix, target, signature, model(**params.model_dump(), random_state=seed, n_jobs=1))


def fit_classifier(matrix: Values, target: Values, *, signature: Signature, params: ClassParams, seed: int) -> Line:
    """Train on (n, k) and (n,)."""
    from sklearn.ensemble import RandomForestClassifier

    return Line(_fit(RandomForestClassifier, matrix, target, signature=signature, params=params, seed=seed))


def fit_multiclass(matrix: Values, target: Values, *, signature: Signature, params: ClassParams, seed: int) -> Several:
    """Train on (n, k) and codes (n,), 0 to c - 1."""
    from sklearn.ensemble import RandomForestClassifier

    return Several(_fit(RandomForestClassifier, matrix, target, signature=signature, params=params, seed=seed))


def fit_regressor(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Fitted:
    """Train on (n, k) and (n,)."""
    from sklearn.ensemble import RandomForestRegressor

    return Fitted(_fit(RandomForestRegressor, matrix, target, signature=signature, params=params, seed=seed))


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
    forest = read[-1]
    for tree in (one.tree_ for one in forest.estimators_):
        left, right, inputs = tree.children_left, tree.children_right, tree.feature
        inner = left >= 0
        after = (left[inner] > inner.nonzero()[0]).all() and (right[inner] > inner.nonzero()[0]).all()
        if not after or max(left.max(), right.max()) >= tree.node_count or inputs[inner].max(initial=0) >= forest.n_features_in_:
            raise ValueError("a tree of this file points out of itself")
    return read


ALGORITHM = algorithms(__name__, "random_forest", "headrace.builtin.algorithms.sklearn_trees:compile_forest")
