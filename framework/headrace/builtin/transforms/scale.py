"""Numbers of one size: by mean and standard deviation, by least and greatest, or by median and quartiles, of the training rows."""

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
    """The parameters of `scale`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    by: Literal["standard", "range", "quartiles"] = Field(
        default="standard",
        description="By mean and standard deviation, to 0 and 1, or by median and quartiles, which outliers do not move.",
    )


def fit(values: NDArray[np.float64], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Numbers (n, c) to numbers of one size; a constant column becomes 0, and what is missing stays so."""
    import numpy as np

    del target, seed
    centres, sizes = [], []
    for i in range(len(inputs)):
        held = values[~np.isnan(values[:, i]), i]
        centre, size = (0.0, 1.0) if not len(held) else _measure(held, params.by)
        centres.append(float(centre))
        sizes.append(float(size) if size > 0 else 1.0)
    state = {"centres": centres, "sizes": sizes}
    outputs = tuple(replace(item, low=None, high=None) for item in inputs)
    return Prepared(state, outputs, apply(values, state))


def _measure(held: NDArray[np.float64], by: str) -> tuple[float, float]:
    import numpy as np

    match by:
        case "range":
            return held.min(), held.max() - held.min()
        case "quartiles":
            low, middle, high = np.quantile(held, [0.25, 0.5, 0.75])
            return middle, high - low
        case _:
            return held.mean(), held.std()


def apply(values: NDArray[np.float64], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, c)."""
    import numpy as np

    centres, sizes = (np.asarray(state[word], dtype=np.float64) for word in ("centres", "sizes"))
    return (values - centres) / sizes


TRANSFORM = Transform(
    name="scale",
    of="number",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}",),
)
