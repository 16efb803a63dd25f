"""A section `rollout` as its flow has it, for whoever reads the specs and not the flows."""

from __future__ import annotations

from datetime import timedelta

from headrace.rollout.canary import Bake, Canary, Judge, NoData, Step, Warmup
from headrace.spec.rollout import Rollout


def canary(section: Rollout, delay: timedelta | None = None) -> Canary:
    """The section in the words of the flow; the compiler writes the same. `delay` is that of the model's target."""
    return Canary(
        unit=section.unit,
        steps=tuple(Step(weight=step.weight, hold=step.hold, then=step.then) for step in section.steps),
        judge=tuple(
            Judge(
                metric=judge.metric,
                over=judge.over,
                of=judge.of,
                limit=judge.limit,
                delay=delay if judge.metric == "quality" else None,
                decides=judge.decides,
                count=judge.count,
                promote_below=judge.promote_below,
                negligible=judge.negligible,
                ceiling=judge.ceiling,
            )
            for judge in section.judge
        ),
        false_rollback=section.false_rollback,
        false_promotion=section.false_promotion,
        when_undecided=section.when_undecided,
        warmup=Warmup(requests=section.warmup.requests, time=section.warmup.for_),
        no_data=NoData(after=section.no_data.after, then=section.no_data.then, deadline=section.no_data.deadline),
        bake=None if section.bake is None else Bake(time=section.bake.for_, holdback=section.bake.holdback),
        only=section.only or None,
    )
