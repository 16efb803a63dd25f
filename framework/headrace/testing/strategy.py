"""What a strategy promises: shares that rise, each held for a time, and the same ones for the same parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

from headrace.hooks import Strategy
from headrace.hooks.fault import PluginFault
from headrace.project.strategies import steps
from headrace.spec.rollout import Rollout, Step
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, settings, tried

_WRITTEN = tuple(Step.model_construct(weight=weight, hold=timedelta(hours=6)) for weight in (0.05, 0.2, 0.5))
"""What stands in `steps`, for a strategy that goes by it."""


def check_strategy(strategy: Strategy, params: Mapping[str, Any] | None = None) -> list[Broken]:
    """What is wrong with a strategy; `params` are tried where its defaults and the examples of its fields are not all there."""
    return tried(strategy, lambda checks: _checked(strategy, params, checks))


def _checked(strategy: Strategy, params: Mapping[str, Any] | None, checks: Checks) -> None:
    checks.run("params", lambda: params_are_closed(strategy))
    function(strategy, "rungs")
    given = settings(strategy, params)
    checks.run("steps", lambda: _rises(strategy, given))
    checks.run("deterministic", lambda: _deterministic(strategy, given))


def _asked(strategy: Strategy, params: Mapping[str, Any]) -> tuple[Step, ...]:
    rollout = Rollout.model_construct(strategy=strategy.name, params=dict(params), steps=_WRITTEN if strategy.steps else ())
    try:
        return steps(strategy, rollout) or ()
    except PluginFault as error:
        raise Unmet(str(error)) from None


def _rises(strategy: Strategy, params: Mapping[str, Any]) -> Iterator[str]:
    weights = [step.weight for step in _asked(strategy, params)]
    for number, (before, here) in enumerate(pairwise(weights), start=2):
        if here <= before:
            yield f"step {number} has a weight of {here * 100:g}%, and the one before {before * 100:g}%: weights rise"


def _deterministic(strategy: Strategy, params: Mapping[str, Any]) -> Iterator[str]:
    if len({_asked(strategy, params) for _ in range(3)}) > 1:
        yield "the same parameters gave other steps"
