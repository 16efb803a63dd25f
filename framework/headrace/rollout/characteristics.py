"""What simulated rollouts come to: how often each end, how soon, and whether the chances that a spec declares are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from headrace.rollout.canary import Canary, Judge
from headrace.rollout.simulate import ENDS, HARMFUL, PROMOTED, Ends
from headrace.rollout.world import Effect, Rate, World
from headrace.stats.bounds import proportion

CONFIDENCE = 0.99
"""Of the intervals that a simulation's shares have."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A chance that the spec declares, and how often it came true: `low` and `high` are an exact interval of 99 %."""

    error: Literal["false_rollback", "false_promotion"]
    allowed: float
    measured: float
    low: float
    high: float

    @property
    def kept(self) -> bool:
        """Whether the simulation does not speak against the bound: its lower limit is not above it."""
        return self.low <= self.allowed


def usual(canary: Canary, world: World) -> Iterator[World]:
    """The candidates that a policy should be asked about, in a world whose own effect is passed over.

    As good as the champion; as good while the champion's rates change threefold; at the margin of each metric; twice and five times as bad
    by the first of them, and bad in half of all requests.
    """
    first = canary.judge[0].metric
    yield replace(world, name="as good", effect={})
    yield replace(world, name="as good, rates change threefold", effect={}, base={j.metric: _threefold(j, world) for j in canary.judge})
    for judge in canary.judge:
        yield replace(world, name=f"{judge.metric} at its margin", effect={judge.metric: margin(judge, world)})
    for name, times in (("twice", 2.0), ("five times", 5.0)):
        if times != canary.judge[0].promote_below:
            yield replace(world, name=f"{first} {name}", effect={first: Effect(times=times)})
    yield replace(world, name=f"{first} 50%", effect={first: Effect(rate=0.5)})


def bound(canary: Canary, world: World, ends: Ends) -> Bound | None:
    """The chance that this world puts to the test; None where every end would be right."""
    if world.no_worse(canary):
        error, allowed, wrong = "false_rollback", canary.false_rollback, ends.end == HARMFUL
    elif world.beyond(canary):
        error, allowed, wrong = "false_promotion", canary.false_promotion, ends.end == PROMOTED
    else:
        return None
    found = proportion(int(wrong.sum()), len(wrong), confidence=CONFIDENCE)
    return Bound(error, allowed, found.estimate, found.low, found.high)  # type: ignore[arg-type]


def told(canary: Canary, world: World, ends: Ends) -> dict[str, Any]:
    """One world as plain values: rates, shares of the ends, and where it was decided, requests and days (median, 90th percentile)."""
    decided = np.isin(ends.end, (PROMOTED, HARMFUL))
    tested = bound(canary, world, ends)
    return {
        "name": world.name,
        "rates": {judge.metric: _rates(world, judge.metric) for judge in canary.judge},
        "ends": {end: ends.share(end) for end in ENDS},
        "candidate_requests": spread(ends.candidate[decided]),
        "requests": spread(ends.requests[decided]),
        "days": spread(ends.days[decided]),
        "bound": None
        if tested is None
        else {
            "error": tested.error,
            "allowed": tested.allowed,
            "measured": tested.measured,
            "low": tested.low,
            "high": tested.high,
            "kept": tested.kept,
        },
    }


def spread(values: np.ndarray[Any, Any]) -> Mapping[str, float] | None:
    """Median and 90th percentile; None of nothing."""
    if not len(values):
        return None
    return {"median": float(np.median(values)), "p90": float(np.quantile(values, 0.9))}


def _rates(world: World, metric: str) -> dict[str, list[float]]:
    begun, over = world.rates(metric, 0.0), world.rates(metric, 1.0)
    return {"champion": [begun[1], over[1]], "candidate": [begun[0], over[0]]}


def _threefold(judge: Judge, world: World) -> Rate:
    """From a half of the rate to one and a half; below the ceiling, so that an abort would be false."""
    rate = world.base[judge.metric].first
    top = min(1.5 * rate, judge.ceiling if judge.ceiling is not None else 1.0)
    return Rate(top / 3.0, top)


def margin(judge: Judge, world: World) -> Effect:
    """The least harm that a promotion would be false of: at the margin, and no longer negligible."""
    base = world.base[judge.metric]
    if min(base.first, base.last) * judge.promote_below >= judge.negligible:
        return Effect(times=judge.promote_below)
    return Effect(rate=max(judge.negligible, max(base.first, base.last) * judge.promote_below))
