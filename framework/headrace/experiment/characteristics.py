"""What simulated experiments come to: how often each end, how soon, and whether alpha and power are as the spec declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from headrace.experiment.declared import Declared, Guardrail
from headrace.experiment.simulate import ENDS, INVALID, LOST, UNDECIDED, WON, Ends
from headrace.experiment.world import Value, World
from headrace.stats.bounds import proportion

CONFIDENCE = 0.99
"""Of the intervals that a simulation's shares have."""
_HAIR = 1e-9


def usual(declared: Declared, world: World) -> Iterator[World]:
    """The candidates that an experiment should be asked about, in a world whose own effect is passed over.

    As good as the champion; as good while the first primary metric drifts by a quarter of its value; better and worse by what it is to
    detect; and for each guardrail, as much better while the guardrail is worse by its whole margin.
    """
    first = declared.primary[0]
    about = world.values[first.metric]
    by = gain(about, first.detect.of(about.first))
    drifting = replace(about, first=0.875 * about.first, last=1.125 * about.first)
    yield replace(world, name="as good", effect={})
    yield replace(world, name=f"as good, {first.metric} drifts", effect={}, values={**world.values, first.metric: drifting})
    yield replace(world, name=f"{first.metric} better by {first.detect}", effect={first.metric: by})
    yield replace(world, name=f"{first.metric} worse by {first.detect}", effect={first.metric: -by})
    for rail in declared.guardrails:
        if rail.metric in world.values:
            effect = {first.metric: by, rail.metric: -margin(rail, world)}
            yield replace(world, name=f"{rail.metric} worse by its margin", effect=effect)


def gain(about: Value, by: float) -> float:
    """The signed difference of a value that is better by so much."""
    return by if about.better == "higher" else -by


def margin(rail: Guardrail, world: World) -> float:
    """The signed difference of a guardrail that is better by as much as its margin."""
    about = world.values[rail.metric]
    return gain(about, rail.worse_by_at_most.of(about.first))


def bound(declared: Declared, world: World, ends: Ends) -> dict[str, Any] | None:
    """What this world puts to the test, as plain values; None where every end would be right, or wrong shares make all of them so.

    Without any effect, alpha: how often equal arms were called different. With a guardrail at its margin or beyond, or no primary metric
    that is better, alpha again: how often it won. With the first primary metric better by what it is to detect, or more: power. Kept is a
    chance whose exact interval of 99 % does not speak against it.
    """
    if any(abs(world.dealt[arm] - share) > _HAIR for arm, share in declared.arms.items()):
        return None
    first = declared.primary[0]
    better = {metric: gain(world.values[metric], by) for metric, by in world.effect.items() if by}
    broken = any(better.get(rail.metric, 0.0) <= -abs(margin(rail, world)) + _HAIR for rail in declared.guardrails if rail.metric in better)
    if not better:
        return _at_most("false_difference", declared.alpha, (ends.end == WON) | (ends.end == LOST))
    if broken or all(better.get(one.metric, 0.0) <= 0 for one in declared.primary):
        return _at_most("false_win", declared.alpha, ends.end == WON)
    if set(better) == {first.metric} and better[first.metric] >= first.detect.of(world.values[first.metric].first) - _HAIR:
        found = _measured(ends.end == WON)
        return {"chance": "power", "declared": declared.power, **found, "kept": found["high"] >= declared.power}
    return None


def told(declared: Declared, world: World, ends: Ends) -> dict[str, Any]:
    """One world as plain values: its effect, shares of the ends, and where it was decided, units and days (median, 90th percentile)."""
    decided = ~np.isin(ends.end, (UNDECIDED, INVALID))
    return {
        "name": world.name,
        "effect": dict(world.effect),
        "ends": {end: ends.share(end) for end in ENDS},
        "winners": {arm: float((ends.winner == arm).mean()) for arm in declared.arms if (ends.winner == arm).any()},
        "units": _spread(ends.units[decided]),
        "days": _spread(ends.days[decided]),
        "bound": bound(declared, world, ends),
    }


def _at_most(chance: str, allowed: float, wrong: np.ndarray[Any, Any]) -> dict[str, Any]:
    found = _measured(wrong)
    return {"chance": chance, "declared": allowed, **found, "kept": found["low"] <= allowed}


def _measured(hits: np.ndarray[Any, Any]) -> dict[str, float]:
    found = proportion(int(hits.sum()), len(hits), confidence=CONFIDENCE)
    return {"measured": found.estimate, "low": found.low, "high": found.high}


def _spread(values: np.ndarray[Any, Any]) -> Mapping[str, float] | None:
    if not len(values):
        return None
    return {"median": float(np.median(values)), "p90": float(np.quantile(values, 0.9))}
