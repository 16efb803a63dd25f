"""What is missing gets a value that the training rows say; a mark beside it says where that happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Input, Prepared, Transform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(BaseModel):
    """The parameters of `impute`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    by: Literal["median", "mean", "constant"] = Field(default="median", description="What stands in for a missing number.")
    value: float = Field(default=0.0, description="The number of `by: constant`.")
    mark: bool = Field(default=True, description="Whether an input `NAME_missing` says where one was missing.")


def fit(values: NDArray[np.float64], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Numbers (n, c) to the same without NaN, and one mark each; a column that is all NaN gets `value`."""
    import numpy as np

    del target, seed
    fills = [params.value] * len(inputs)
    if params.by != "constant":
        middle = np.median if params.by == "median" else np.mean
        for i in range(len(inputs)):
            held = values[~np.isnan(values[:, i]), i]
            if len(held):
                fills[i] = float(middle(held))
    state = {"fills": fills, "mark": params.mark}
    outputs = [replace(item, missing=False) for item in inputs]
    if params.mark:
        outputs += [Input(f"{item.name}_missing", "number", missing=False) for item in inputs]
    return Prepared(state, tuple(outputs), apply(values, state))


def apply(values: NDArray[np.float64], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, c), or (m, 2c) with marks of 0 and 1."""
    import numpy as np

    missing = np.isnan(values)
    filled = np.where(missing, np.asarray(state["fills"], dtype=np.float64), values)
    return np.hstack([filled, missing.astype(np.float64)]) if state["mark"] else filled


TRANSFORM = Transform(
    name="impute",
    of="number",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}", "{input}_missing"),
)
