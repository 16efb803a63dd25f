"""`kind: ensemble`: several models that answer as one."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import MemberRef, Name


class Member(Spec):
    """One model of several."""

    model: MemberRef = field("A model, or another ensemble.", Effect.BREAKING, example="model/employment")
    weight: float = field("Its weight in a mean or a vote.", Effect.REDEPLOY, default=1.0, example=2.0, gt=0)


class Ensemble(Spec):
    """Several models that are promoted, served and rolled back as one."""

    kind: Literal["ensemble"] = field("An ensemble.", Effect.METADATA, example="ensemble", later=True)
    name: Name = field("The ensemble's name.", Effect.BREAKING, example="both")
    owner: str = field("Who answers for it.", Effect.METADATA, default="", example="labour-statistics")
    description: str = field("What it answers.", Effect.METADATA, default="", example="Two views of the same question.")
    labels: dict[str, str] = field("Free labels to select by.", Effect.METADATA, default={}, example={"tier": "critical"})
    members: tuple[Member, ...] = field(
        "The models; each one's champion answers.",
        Effect.BREAKING,
        min_length=2,
        example=[{"model": "model/employment", "weight": 2.0}, {"model": "model/simple"}],
    )
    combine: Literal["mean", "median", "vote"] = field(
        "How answers become one: of probabilities the weighted mean or the median (soft voting), or the weighted majority (hard voting).",
        Effect.BREAKING,
        default="mean",
        example="mean",
    )
    missing: Literal["fail", "skip"] = field(
        "What happens when a member errs: no answer, or that of the others.", Effect.REDEPLOY, default="fail", example="skip"
    )
