"""What a rollout can decide with the declared traffic."""

from __future__ import annotations

import math
from datetime import timedelta

from headrace.plan.change import Forecast
from headrace.spec import Model
from headrace.spec.serving import Serving


def rollout(model: Model) -> Forecast | None:
    """The candidate's requests over all steps against what it needs when nothing fails; None without traffic or rollout."""
    if model.rollout is None or not isinstance(model.serving, Serving) or model.serving.traffic is None:
        return None
    from headrace.rollout.declared import canary
    from headrace.rollout.expected import days_without_failures
    from headrace.stats.eprocess import needed_without_failures

    waited = [judge for judge in model.rollout.judge if judge.decides != "abort" and judge.metric in {"error_rate", "slow_request"}]
    if not waited:
        return None
    days = sum(step.weight * (step.hold / timedelta(days=1)) for step in model.rollout.steps)
    needed = max(needed_without_failures(judge.negligible, model.rollout.false_promotion) for judge in waited)
    reached = days_without_failures(canary(model.rollout, model.features.target.delay), model.serving.traffic, needed)
    return Forecast(model.name, math.floor(model.serving.traffic * days), needed, reached)
