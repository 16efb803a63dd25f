"""A category as one column of 0 and 1 for each value that training saw often enough, and one for all others and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.transforms.naming import named
from headrace.hooks import Input, Prepared, Transform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(BaseModel):
    """The parameters of `one_hot`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_rows: int = Field(default=1, ge=1, description="In how many training rows a value must stand for a column of its own.")
    max_columns: int = Field(
        default=100, ge=1, le=10_000, description="How many values of one input get a column at most: the most frequent."
    )


def fit(values: NDArray[np.float64], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Codes (n, c) to 0 and 1: `NAME_VALUE` for each value that is kept, and `NAME_other` for the rest, missing and never seen."""
    import numpy as np

    del target, seed
    codes, outputs = [], []
    for i, item in enumerate(inputs):
        counts = np.bincount(values[~np.isnan(values[:, i]), i].astype(np.int64), minlength=len(item.categories))
        often = [code for code in np.argsort(-counts, kind="stable").tolist() if counts[code] >= params.min_rows][: params.max_columns]
        codes.append(sorted(often))
        words = named(item.name, [*(item.categories[code] for code in codes[-1]), "other"])
        outputs += [Input(word, "number", missing=False) for word in words]
    state = {"codes": codes}
    return Prepared(state, tuple(outputs), apply(values, state))


def apply(values: NDArray[np.float64], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, d)."""
    import numpy as np

    parts = []
    for i, codes in enumerate(state["codes"]):
        equal = values[:, [i]] == np.asarray(codes, dtype=np.float64).reshape(1, -1)
        parts += [equal.astype(np.float64), (~equal.any(axis=1, keepdims=True)).astype(np.float64)]
    return np.hstack(parts)


TRANSFORM = Transform(
    name="one_hot",
    of="category",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}_*",),
)
