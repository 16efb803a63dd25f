"""`kind: flag`: a switch that is read at each request, in the words of OpenFeature."""

from __future__ import annotations

from typing import Literal

from headrace.spec.backtest import Day
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, Name
from headrace.spec.quantity import Percentage


class FlagRule(Spec):
    """Who gets something else than the default; the first rule that matches decides."""

    id: Name = field("The rule's name.", Effect.RECONFIGURE, example="pilots")
    match: dict[Column, tuple[str | int | bool, ...]] = field(
        "Values of the request's attributes, all of which must match.",
        Effect.RECONFIGURE,
        default={},
        example={"tenant": ["acme", "globex"]},
    )
    variant: Name | None = field("The variant that they get.", Effect.RECONFIGURE, default=None, example="on")
    split: dict[Name, Percentage] | None = field(
        "Or shares of the variants, dealt by the flag's `unit`.", Effect.RECONFIGURE, default=None, example={"on": "10%", "off": "90%"}
    )


class Flag(Spec):
    """One switch, audited at each change."""

    kind: Literal["flag"] = field("A flag.", Effect.METADATA, example="flag")
    name: Name = field("The flag's name.", Effect.RECONFIGURE, example="new-explanations")
    owner: str = field("Who answers for it.", Effect.METADATA, default="", example="labour-statistics")
    description: str = field("What it switches.", Effect.METADATA, default="", example="reasons beside each prediction")
    enabled: bool = field("Without it, everybody gets the default.", Effect.RECONFIGURE, default=True, example=True)
    variants: dict[Name, bool | int | float | str] = field(
        "Its values by name.", Effect.RECONFIGURE, min_length=1, example={"on": True, "off": False}
    )
    default: Name = field("The variant of everybody else.", Effect.RECONFIGURE, example="off")
    unit: Column | None = field(
        "The attribute that shares are dealt by: the same unit keeps the same variant.",
        Effect.RECONFIGURE,
        default=None,
        example="person_id",
    )
    rules: tuple[FlagRule, ...] = field(
        "Who gets something else.",
        Effect.RECONFIGURE,
        default=(),
        example=[{"id": "pilots", "match": {"tenant": ["acme"]}, "variant": "on"}],
    )
    expires: Day | None = field(
        "When it should be gone from the code; an old flag is told.", Effect.METADATA, default=None, example="2027-06-30"
    )
