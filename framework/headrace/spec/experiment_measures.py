"""Business metrics that an experiment is judged by: what is told of a unit after it was first answered."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Name
from headrace.spec.quantity import Duration, Percentage


class Measure(Spec):
    """What the values that are told of a unit make: one number a unit, and of those a rate, a mean or a ratio."""

    kind: Literal["rate", "mean", "ratio"] = field(
        "`rate`: the share of units with a value above 0; `mean`: each unit's sum; `ratio`: the sum of `of` by the sum of `per`.",
        Effect.RECONFIGURE,
        example="rate",
    )
    better: Literal["higher", "lower"] = field("Which way it is better.", Effect.RECONFIGURE, default="higher", example="higher")
    within: Duration | None = field(
        "How long after its first answer a unit's values count, and it is judged once that is over; the label's delay, if none.",
        Effect.RECONFIGURE,
        default=None,
        example="14d",
    )
    of: Name | None = field(
        "The name by which values are told to `POST /outcomes`; the measure's own, where it is left out.",
        Effect.RECONFIGURE,
        default=None,
        example="order",
    )
    per: Name | None = field("The name of a ratio's other values.", Effect.RECONFIGURE, default=None, example="visit")
    winsorize: Percentage | None = field(
        "The quantile of all units that larger values are cut down to, so that one buyer moves no mean alone.",
        Effect.RECONFIGURE,
        default=None,
        example="99.9%",
        gt=0.5,
        lt=1,
    )
    covariate: Name | None = field(
        "The name of values told before a unit's first answer, as long as `within`: what they explain is no noise (CUPED).",
        Effect.RECONFIGURE,
        default=None,
        example="order",
    )
