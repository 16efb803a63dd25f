"""The section `retraining` of a model: when a new candidate is made."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ConditionText, CronLine, Name
from headrace.spec.quantity import Duration

AGAIN = timedelta(days=1)
"""How often triggers are asked again where nothing is monitored, beside their ticks."""


class Needs(Spec):
    """What must be there before a retraining is worth its cost."""

    new_labels: int = field("Labels known since the champion's training.", Effect.RECONFIGURE, default=0, example=5000, ge=0)


class Retraining(Spec):
    """One trigger: exactly one of `when` and `schedule`."""

    id: Name = field("The trigger's name.", Effect.RECONFIGURE, example="degraded")
    when: ConditionText | None = field(
        "An alert of this model, `alert.ID`: asked again at each monitoring run while it fires.",
        Effect.RECONFIGURE,
        default=None,
        example="alert.degraded",
    )
    schedule: CronLine | None = field("A cron line, in UTC.", Effect.RECONFIGURE, default=None, example="0 3 * * 1")
    while_deciding: Literal["wait", "replace"] = field(
        "What a candidate in rollout or experiment means: this one waits for its end, or takes its place.",
        Effect.RECONFIGURE,
        default="wait",
        example="wait",
        later=("replace",),
    )
    cooldown: Duration = field(
        "How long after the last training nothing is retrained.", Effect.RECONFIGURE, default="1d", example="24h", validate_default=True
    )
    needs: Needs = field("What must be there first.", Effect.RECONFIGURE, default=Needs(), example={"new_labels": 5000})
