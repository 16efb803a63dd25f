"""The section `retirement` of a model: when it ends, how its traffic leaves, what is kept."""

from __future__ import annotations

from headrace.spec.backtest import Day
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ModelRef
from headrace.spec.quantity import Duration, Percentage


class When(Spec):
    """What begins it; the first of both, where both are given."""

    no_traffic: Duration | None = field("Nobody asked for so long.", Effect.RECONFIGURE, default=None, example="90d")
    on: Day | None = field("A day that was announced.", Effect.RECONFIGURE, default=None, example="2027-06-30")


class Retirement(Spec):
    """The end of a model's life."""

    when: When = field("What begins it.", Effect.RECONFIGURE, example={"no_traffic": "90d"})
    replacement: ModelRef | None = field("Who answers in its place.", Effect.RECONFIGURE, default=None, example="model/employment_next")
    traffic: tuple[Percentage, ...] = field(
        "The shares that it still answers, falling to 0%.",
        Effect.RECONFIGURE,
        default=("75%", "50%", "25%", "0%"),
        min_length=1,
        example=["75%", "50%", "25%", "0%"],
        validate_default=True,
    )
    hold: Duration = field("How long each share stays.", Effect.RECONFIGURE, default="7d", example="7d", validate_default=True)
    archive: Duration = field(
        "How long versions, cards and records are kept afterwards.",
        Effect.RECONFIGURE,
        default="365d",
        example="365d",
        validate_default=True,
    )
