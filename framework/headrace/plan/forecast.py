"""What a change would have meant for what is recorded, and what a rollout can decide with the declared traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from headrace.plan.change import Forecast
from headrace.plan.state import Judged
from headrace.spec import Model
from headrace.spec.gates import Gate
from headrace.spec.serving import Serving


def rollout(model: Model) -> Forecast | None:
    """The candidate's requests over all steps against what it needs when nothing fails; None without traffic or rollout."""
    if model.rollout is None or not isinstance(model.serving, Serving) or model.serving.traffic is None:
        return None
    from headrace.stats.eprocess import needed_without_failures

    days = sum(step.weight * (step.hold / timedelta(days=1)) for step in model.rollout.steps)
    needed = max(needed_without_failures(judge.negligible, model.rollout.false_promotion) for judge in model.rollout.judge)
    return Forecast(model.name, math.floor(model.serving.traffic * days), needed)


def backtest(gate: Gate, judged: Mapping[str, Sequence[Judged]]) -> str | None:
    """What a gate with a threshold would have said about the versions that it measured before; None where it measured none."""
    values = judged.get(gate.id, ())
    if not values or (gate.min is None and gate.max is None):
        return None
    highest = gate.max.total_seconds() if isinstance(gate.max, timedelta) else gate.max
    failed = sum((gate.min is not None and j.value < gate.min) or (highest is not None and j.value > highest) for j in values)
    versions = "version" if len(values) == 1 else f"{len(values)} versions"
    return f"{failed} of the last {versions} would have failed"
