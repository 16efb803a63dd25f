"""The candidate decides few held-out rows otherwise than the champion, so that whoever acts on its answers is not surprised.

Two models of equal quality may disagree on many rows: Milani Fard et al., "Launch and Iterate: Reducing Prediction Churn", NeurIPS 2016.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Gate, HeldOut, Percentage, Ruling


class Params(BaseModel):
    """The parameters of `decision_changes`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max: Percentage = Field(gt=0, lt=1, description="The greatest share of held-out rows that may be decided otherwise.", examples=["5%"])
    threshold: float = Field(default=0.5, gt=0, lt=1, description="From which prediction on a row is decided with yes.")


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """The share of rows on whose sides of the threshold the two differ; the first champion changes nothing, and passes."""
    import numpy as np

    del seed
    n = len(held_out.predictions)
    if held_out.champion is None:
        return Ruling(passed=True, reason="there is no champion yet: nothing is decided otherwise", threshold=params.max, n=n)
    changed = int(np.sum((held_out.predictions >= params.threshold) != (held_out.champion >= params.threshold)))
    share = changed / n if n else float("nan")
    reason = f"{changed:,} of {n:,} rows ({share:.2%}) are decided otherwise than by the champion, and at most {params.max:.10g} is allowed"
    return Ruling(passed=share <= params.max, reason=reason, value=share, threshold=params.max, n=n)


GATE = Gate(name="decision_changes", judge=f"{__name__}:judge", params=f"{__name__}:Params", asks=("champion",))
