"""A category as the mean answer of the training rows that have it, drawn towards the mean of all where they are few.

Micci-Barreca (2001), with a training row's own value made of the other folds' rows alone, lest a rare category tell its row's answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Input, Prepared, Transform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(BaseModel):
    """The parameters of `target_encode`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    smooth: float = Field(default=20.0, ge=0, description="With how many rows' weight the mean of all counts beside a category's own.")
    folds: int = Field(default=5, ge=2, le=50, description="In how many parts training rows are cut, each encoded by the others.")


def fit(values: NDArray[np.float64], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Codes (n, c) and answers (n,), 0 and 1 or numbers, to means (n, c); what is missing or was never seen gets the mean of all."""
    import numpy as np

    # Drawn from the raw bits, which numpy keeps the same for ever, as it does not its permutations.
    fold = np.random.PCG64(seed).random_raw(len(target)) % params.folds
    sizes = [len(item.categories) for item in inputs]
    out = np.empty(values.shape)
    for part in range(params.folds):
        inside = fold == part
        if inside.any():
            out[inside] = apply(values[inside], _means(values[~inside], target[~inside], sizes, params.smooth))
    state = _means(values, target, sizes, params.smooth)
    return Prepared(state, tuple(Input(item.name, "number", missing=False) for item in inputs), out)


def _means(values: NDArray[np.float64], target: NDArray[np.float64], sizes: Sequence[int], smooth: float) -> dict[str, Any]:
    """The mean of all, and of each category of each column."""
    import numpy as np

    whole = float(target.mean()) if len(target) else 0.0
    means = []
    for i, size in enumerate(sizes):
        there = ~np.isnan(values[:, i])
        codes = values[there, i].astype(np.int64)
        counts, sums = np.bincount(codes, minlength=size), np.bincount(codes, weights=target[there], minlength=size)
        weight = counts + smooth
        means.append(np.where(weight > 0, (sums + smooth * whole) / np.where(weight > 0, weight, 1), whole).tolist())
    return {"all": whole, "means": means}


def apply(values: NDArray[np.float64], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, c)."""
    import numpy as np

    out = np.full(values.shape, state["all"], dtype=np.float64)
    for i, means in enumerate(state["means"]):
        there = ~np.isnan(values[:, i])
        out[there, i] = np.asarray(means, dtype=np.float64)[values[there, i].astype(np.int64)]
    return out


TRANSFORM = Transform(
    name="target_encode",
    of="category",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}",),
)
