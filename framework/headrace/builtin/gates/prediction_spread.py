"""The candidate tells rows apart: 90 % of its predictions on the held-out rows reach over a least distance.

A model that collapsed to one answer can keep a passable log loss where one class is rare, and a constant has no drift.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Gate, HeldOut, Ruling


class Params(BaseModel):
    """The parameters of `prediction_spread`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min: float = Field(
        default=0.05, gt=0, lt=1, description="The least distance between the 5 % and the 95 % quantile of the predictions that passes."
    )


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """The distance of the two quantiles of (n,) predictions, a probability; nothing is drawn."""
    import numpy as np

    del seed
    low, high = (float(value) for value in np.quantile(held_out.predictions, [0.05, 0.95]))
    spread, distinct = high - low, len(np.unique(held_out.predictions))
    answers = f"{distinct:,} distinct answer{'s' if distinct > 1 else ''} to {len(held_out.predictions):,} rows"
    reason = f"90% of the predictions lie within {spread:.4g} ({low:.4g} to {high:.4g}; {answers}), and at least {params.min:g} is wanted"
    return Ruling(passed=spread >= params.min, reason=reason, value=spread, threshold=params.min, n=len(held_out.predictions))


GATE = Gate(name="prediction_spread", judge=f"{__name__}:judge", params=f"{__name__}:Params")
