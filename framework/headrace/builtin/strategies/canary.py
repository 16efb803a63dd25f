"""The steps as they are written, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from headrace.hooks import Rung, Strategy


class Params(BaseModel):
    """The strategy `canary` has none: its steps stand in the section itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def rungs(params: Params, steps: Sequence[Rung]) -> Sequence[Rung]:
    """As they are."""
    del params
    return steps


STRATEGY = Strategy(name="canary", rungs=f"{__name__}:rungs", params=f"{__name__}:Params", steps=True)
