"""The section `experiment` of a model: whether a candidate is worth more than the champion, beyond being no worse."""

from __future__ import annotations

from typing import Literal

from headrace.spec.experiment_measures import Measure
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, MeasuredName, Name
from headrace.spec.quantity import Change, Duration, Percentage


class Primary(Spec):
    """The metric that decides, and the least difference that is worth finding."""

    metric: MeasuredName = field("A registered metric, or one of `measures`.", Effect.RECONFIGURE, example="accuracy")
    detect: Change = field(
        "The least difference worth finding (the minimum detectable effect): percentage points, or relative to the champion's value.",
        Effect.RECONFIGURE,
        example="1pp",
    )
    baseline: Percentage | None = field(
        "The champion's value where the metric is a rate; 50%, which needs the most requests, where neither this nor `mean` is given.",
        Effect.METADATA,
        default=None,
        example="80%",
        gt=0,
        lt=1,
    )
    mean: float | None = field("The champion's value where the metric is a mean.", Effect.METADATA, default=None, example=31.5)
    deviation: float | None = field(
        "The standard deviation of a mean's single values; `mean` needs it.", Effect.METADATA, default=None, example=12.0, gt=0
    )


class Guardrail(Spec):
    """A metric that must not suffer."""

    metric: MeasuredName = field("A registered metric, or one of `measures`.", Effect.RECONFIGURE, example="latency_p99")
    worse_by_at_most: Change = field("How much worse it may become.", Effect.RECONFIGURE, example="10% relative")


class Decide(Spec):
    """What each outcome means."""

    win: Literal["promote", "keep"] = field("The candidate is better.", Effect.RECONFIGURE, default="promote", example="promote")
    lose: Literal["rollback"] = field("The candidate is worse.", Effect.RECONFIGURE, default="rollback", example="rollback")
    guardrail: Literal["rollback", "keep"] = field("A guardrail is broken.", Effect.RECONFIGURE, default="rollback", example="rollback")
    at_end: Literal["keep", "rollback"] = field(
        "Time is over and nothing is decided: the champion stays beside the candidate, or alone; never `promote`.",
        Effect.RECONFIGURE,
        default="rollback",
        example="keep",
    )


class Experiment(Spec):
    """A randomised comparison of champion and candidate."""

    arms: dict[Name, Percentage] = field(
        "The shares of those who take part, by alias; `champion` and `candidate` always, any other alias where more versions are compared.",
        Effect.RECONFIGURE,
        example={"champion": "50%", "candidate": "50%"},
    )
    unit: Column = field("The same unit keeps the same arm.", Effect.RECONFIGURE, example="person_id")
    primary: Primary = field("The metric that decides.", Effect.RECONFIGURE, example={"metric": "accuracy", "detect": "1pp"})
    secondary: tuple[MeasuredName, ...] = field(
        "Metrics that are told beside, and decide nothing.", Effect.RECONFIGURE, default=(), example=["latency_p99"]
    )
    guardrails: tuple[Guardrail, ...] = field(
        "Metrics that must not suffer.",
        Effect.RECONFIGURE,
        default=(),
        example=[{"metric": "latency_p99", "worse_by_at_most": "10% relative"}],
    )
    segments: tuple[Column, ...] = field(
        "Columns by whose values each metric is told apart too; they decide nothing.", Effect.RECONFIGURE, default=(), example=["region"]
    )
    measures: dict[Name, Measure] = field(
        "Business metrics by name, for `primary`, `secondary` and `guardrails`.",
        Effect.RECONFIGURE,
        default={},
        example={"retained": {"kind": "rate", "of": "order", "within": "14d"}},
    )
    coverage: Percentage = field(
        "The share of all units that takes part; it may rise, and never re-deals.",
        Effect.RECONFIGURE,
        default="100%",
        example="20%",
        gt=0,
        le=1,
        validate_default=True,
    )
    layer: Name | None = field(
        "Experiments of one layer exclude each other: a unit is in one of them at most.",
        Effect.RECONFIGURE,
        default=None,
        example="employment",
    )
    holdout: Percentage | None = field(
        "The share of all units that no experiment ever touches.", Effect.RECONFIGURE, default=None, example="5%", gt=0, lt=1
    )
    design: Literal["fixed", "group_sequential", "always_valid", "bayesian"] = field(
        "How often one may look: once at the end, at planned looks, or at any time.",
        Effect.RECONFIGURE,
        default="group_sequential",
        example="group_sequential",
    )
    alpha: Percentage = field(
        "The chance that equal arms are called different, over all looks.",
        Effect.RECONFIGURE,
        default="5%",
        example="5%",
        gt=0,
        le=0.5,
        validate_default=True,
    )
    power: Percentage = field(
        "The chance that a difference of `detect` is found.",
        Effect.RECONFIGURE,
        default="80%",
        example="80%",
        ge=0.5,
        lt=1,
        validate_default=True,
    )
    looks: Duration = field("How often it is looked at.", Effect.RECONFIGURE, default="1d", example="1d", validate_default=True)
    for_: Duration = field("How long it lasts: enrolment, and then the label's delay.", Effect.RECONFIGURE, alias="for", example="60d")
    decide: Decide = field("What each outcome means.", Effect.RECONFIGURE, default=Decide(), example={"win": "promote", "at_end": "keep"})
