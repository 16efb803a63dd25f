"""Steps that rise by equal shares, each held equally long."""

from __future__ import annotations

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.hooks import Duration, Percentage, Rung, Strategy


class Params(BaseModel):
    """The parameters of `linear`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    from_: Percentage = Field(alias="from", gt=0, lt=1, description="The first share.", examples=["10%"])
    to: Percentage = Field(gt=0, lt=1, description="The last share.", examples=["50%"])
    by: Percentage = Field(ge=0.01, lt=1, description="By how much each step rises; the last by what is left.", examples=["20%"])
    hold: Duration = Field(description="How long each step stays.", examples=["6h"])

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.to <= self.from_:
            raise ValueError(f"`to` is {self.to * 100:g}% and `from` is {self.from_ * 100:g}%: a rollout rises")
        return self


def rungs(params: Params) -> list[Rung]:
    """From `from` in steps of `by`, and `to` at the end."""
    # A hair less, so that a share that is reached but for a rounding is reached.
    count = math.ceil((params.to - params.from_) / params.by - 1e-9)
    return [*(Rung(params.from_ + params.by * step, params.hold) for step in range(count)), Rung(params.to, params.hold)]


STRATEGY = Strategy(name="linear", rungs=f"{__name__}:rungs", params=f"{__name__}:Params")
