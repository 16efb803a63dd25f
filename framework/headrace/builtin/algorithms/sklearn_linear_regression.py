"""Linear regression by scikit-learn over scaled numbers and one column a category, plain and with an L2 penalty (ridge)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms.sklearn_pipeline import Fitted, pipeline, save, trained
from headrace.hooks import Algorithm, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ALGORITHM", "LinearParams", "RidgeParams", "fit_linear", "fit_ridge", "load", "save"]


class LinearParams(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RidgeParams(LinearParams):
    """Scikit-learn's parameters."""

    alpha: float = Field(default=1.0, gt=0, description="Strength of the L2 penalty.")


def fit_linear(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    params: LinearParams,  # noqa: ARG001 - there are none
    seed: int,  # noqa: ARG001 - nothing is drawn
) -> Fitted:
    """Train on (n, k) and (n,) by least squares: nothing is drawn, so the seed changes nothing."""
    from sklearn.linear_model import LinearRegression

    return Fitted(trained(matrix, target, signature, LinearRegression()))


def fit_ridge(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: RidgeParams, seed: int) -> Fitted:
    """Train on (n, k) and (n,) by penalised least squares."""
    from sklearn.linear_model import Ridge

    # `lsqr` takes sparse columns with an intercept, and goes on where they depend on each other.
    return Fitted(trained(matrix, target, signature, Ridge(alpha=params.alpha, solver="lsqr", random_state=seed)))


def load(data: bytes, *, signature: Signature) -> Fitted:  # noqa: ARG001 - the columns stand in the file
    """The pipeline from its file; skops.io.exceptions.UntrustedTypesFoundException where it holds anything not expected."""
    return Fitted(pipeline(data))


def _algorithm(name: str, fit: str, params: str) -> Algorithm:
    return Algorithm(
        name=f"sklearn.{name}",
        task="regression",
        params=f"{__name__}:{params}",
        fit=f"{__name__}:{fit}",
        save=f"{__name__}:save",
        load=f"{__name__}:load",
        format="skops",
        compile="headrace.builtin.algorithms.sklearn_closed:compile_line",
    )


ALGORITHM = (_algorithm("linear_regression", "fit_linear", "LinearParams"), _algorithm("ridge", "fit_ridge", "RidgeParams"))
