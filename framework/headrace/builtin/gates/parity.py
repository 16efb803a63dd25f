"""What servers read online of live entities is what a training set holds of them: else the model answers from other values than it learned.

Values are compared one by one: numbers up to a relative tolerance, since sums of floats depend on the order of their additions, and
everything else as it is. Without live data there is nothing to show, and the gate fails.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Gate, HeldOut, Live, Ruling
from headrace.hooks.answers import TASKS

if TYPE_CHECKING:
    import pandas as pd


class Params(BaseModel):
    """The parameters of `parity`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sample: int = Field(default=500, ge=1, le=1000, description="How many entities and moments are compared at most.", examples=[500])
    max: int = Field(default=0, ge=0, description="How many values may differ.", examples=[0])
    tolerance: float = Field(default=1e-9, ge=0, lt=1, description="By which share two numbers may differ and be the same.")
    of: Literal["online", "journalled", "both"] = Field(
        default="both",
        description="Values as they are read now, those that requests were answered from, or both, where there are requests.",
    )


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """How many values differ; what is missing on one side alone differs."""
    live = held_out.live
    if live is None:
        return Ruling(passed=False, reason="there is no live data to compare")
    if params.of == "journalled" and live.journalled is None:
        return Ruling(passed=False, reason="no request was answered yet: there is nothing to compare", threshold=params.max)
    sides = [live.online] if params.of in ("online", "both") else []
    sides += [live.journalled] if params.of in ("journalled", "both") and live.journalled is not None else []
    chosen = _sample(len(live.entity), params.sample, seed)
    pairs = [(place, name) for place in chosen for name in live.offline.columns]
    if not pairs:
        return Ruling(passed=False, reason="there is no live data to compare")
    found = [(place, name, side) for side in sides for place, name in pairs if _differ(side, live, place, name, params.tolerance)]
    n = len(pairs) * len(sides)
    told = f"{len(found):,} of {n:,} values of {len(chosen):,} entities and moments differ, and at most {params.max:,} may"
    if found:
        place, name, side = found[0]
        told += f": `{name}` of {live.entity[place]} at {live.moments[place]:%Y-%m-%d %H:%M:%S} is"
        told += f" {side[name].iloc[place]} online and {live.offline[name].iloc[place]} offline"
    return Ruling(passed=len(found) <= params.max, reason=told, value=float(len(found)), threshold=float(params.max), n=n)


def _sample(n: int, most: int, seed: int) -> list[int]:
    import numpy as np

    return sorted(np.random.default_rng(seed).choice(n, size=min(n, most), replace=False).tolist()) if n else []


def _differ(side: pd.DataFrame, live: Live, place: int, name: str, tolerance: float) -> bool:
    import pandas as pd

    here, there = side[name].iloc[place], live.offline[name].iloc[place]
    missing = bool(pd.isna(here)), bool(pd.isna(there))
    if any(missing):
        return missing != (True, True)
    if isinstance(here, str) or isinstance(there, str):
        return bool(here != there)
    return not math.isclose(here, there, rel_tol=tolerance, abs_tol=0.0)


GATE = Gate(
    name="parity",
    judge=f"{__name__}:judge",
    params=f"{__name__}:Params",
    asks=("live",),
    tasks=TASKS,  # it looks at inputs alone
)
