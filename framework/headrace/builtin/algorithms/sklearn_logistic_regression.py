"""Logistic regression by scikit-learn over scaled numbers and one column a category: for a yes or no, and for several classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms.sklearn_pipeline import Line, Several, pipeline, save, trained
from headrace.hooks import Algorithm, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

__all__ = ["ALGORITHM", "Line", "Params", "fit", "fit_multiclass", "load", "load_multiclass", "save"]


class Params(BaseModel):
    """Scikit-learn's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    c: float = Field(default=1.0, gt=0, description="Inverse of the L2 penalty's strength.")
    max_iter: int = Field(default=1000, ge=1, le=100_000, description="Steps of the solver, at most.")
    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced` counts the rows of a rare class for more; probabilities then fit such a world, and not this one.",
    )


def _fit(matrix: NDArray[np.float64], target: NDArray[np.float64], signature: Signature, params: Params, seed: int) -> Pipeline:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=params.c, max_iter=params.max_iter, random_state=seed, class_weight=params.class_weight)
    return trained(matrix, target, signature, model)


def fit(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int) -> Line:
    """Train on (n, k) and (n,); the solver draws nothing, so the seed changes nothing."""
    return Line(_fit(matrix, target, signature, params, seed))


def fit_multiclass(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int) -> Several:
    """Train on (n, k) and codes (n,), 0 to c - 1: one model of all classes, not one a class."""
    return Several(_fit(matrix, target, signature, params, seed))


def load(data: bytes, *, signature: Signature) -> Line:  # noqa: ARG001 - the columns stand in the file
    """The pipeline from its file; skops.io.exceptions.UntrustedTypesFoundException where it holds anything not expected."""
    return Line(pipeline(data))


def load_multiclass(data: bytes, *, signature: Signature) -> Several:  # noqa: ARG001 - the columns stand in the file
    """As `load`, for several classes."""
    return Several(pipeline(data))


ALGORITHM = (
    Algorithm(
        name="sklearn.logistic_regression",
        task="binary",
        params=f"{__name__}:Params",
        fit=f"{__name__}:fit",
        save=f"{__name__}:save",
        load=f"{__name__}:load",
        format="skops",
        compile="headrace.builtin.algorithms.sklearn_closed:compile_line",
    ),
    Algorithm(
        name="sklearn.logistic_regression_multiclass",
        task="multiclass",
        params=f"{__name__}:Params",
        fit=f"{__name__}:fit_multiclass",
        save=f"{__name__}:save",
        load=f"{__name__}:load_multiclass",
        format="skops",
        compile="headrace.builtin.algorithms.sklearn_closed:compile_line",
    ),
)
