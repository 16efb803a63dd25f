"""The section `rollout` of a model: how a candidate takes over, and what stops it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, MetricName, ParamsOf, StrategyName
from headrace.spec.quantity import Duration, Percentage, Ratio

LOOK = timedelta(minutes=5)
"""How often a rollout is looked at, in wall time."""


class Step(Spec):
    """One step: a share of the units, for a while."""

    weight: Percentage = field("The candidate's share.", Effect.RECONFIGURE, example="5%", gt=0, lt=1)
    hold: Duration = field("How long it stays.", Effect.RECONFIGURE, example="6h")
    then: Literal["wait"] | None = field(
        "`wait` goes no further until a person types `headrace rollout resume`.", Effect.RECONFIGURE, default=None, example="wait"
    )


Judged = Literal["error_rate", "slow_request", "output_shift", "prediction_disagreement", "quality"]
"""What arms are judged by: requests as they were counted while serving (the first two), and answers as they stand in the journal."""


class Judge(Spec):
    """One metric that the two arms are compared by: a count of what is bad."""

    metric: Judged = field("What counts as bad.", Effect.RECONFIGURE, example="error_rate")
    over: Duration | None = field("Slower than this is slow; `slow_request` needs it.", Effect.RECONFIGURE, default=None, example="250ms")
    of: MetricName | None = field(
        "Of `quality`, a registered metric that is a mean of rows; `accuracy`, if none is given: a wrong answer is bad.",
        Effect.RECONFIGURE,
        default=None,
        example="brier",
    )
    limit: float | None = field(
        "Of `quality`, a row is bad whose value is worse than this; of `output_shift`, an answer of this or more is counted; of "
        "`prediction_disagreement`, answers that are further apart than this disagree.",
        Effect.RECONFIGURE,
        default=None,
        example=0.25,
    )
    decides: Literal["both", "promote", "abort"] = field(
        "Whether promotion waits for it, and whether it aborts: `promote` alone, `abort` alone, or both.",
        Effect.RECONFIGURE,
        default="both",
        example="promote",
    )
    count: Literal["requests", "units"] = field(
        "Of `error_rate`: requests that fail, or units that fail, each once, so that one user who tries again and again decides nothing.",
        Effect.RECONFIGURE,
        default="requests",
        example="units",
    )
    promote_below: Ratio = field(
        "Promotion needs evidence that the candidate's rate is below this many times the champion's; of `output_shift`, neither more nor "
        "less than that, and beyond it aborts.",
        Effect.RECONFIGURE,
        default="2x",
        example="2x",
        gt=1,
        validate_default=True,
    )
    negligible: Percentage = field(
        "… or that its rate is below this, whatever the champion's; of `prediction_disagreement`, this alone.",
        Effect.RECONFIGURE,
        default="0.5%",
        example="0.5%",
        gt=0,
        lt=1,
        validate_default=True,
    )
    ceiling: Percentage | None = field(
        "A rate above this aborts, whatever the champion's.", Effect.RECONFIGURE, default=None, example="2%", gt=0, lt=1
    )


class Warmup(Spec):
    """What comes first counts for abort by errors only."""

    requests: int = field("Candidate requests.", Effect.RECONFIGURE, default=200, example=200, ge=0)
    for_: Duration = field(
        "Time; a driven clock counts requests alone.", Effect.RECONFIGURE, default="60s", alias="for", example="60s", validate_default=True
    )


class NoData(Spec):
    """What silence means: never a pass."""

    after: Duration = field("No candidate request for so long is no data.", Effect.RECONFIGURE, example="30s")
    then: Literal["hold", "rollback"] = field("What happens then.", Effect.RECONFIGURE, default="hold", example="hold")
    deadline: Duration = field("How long it may hold before it is rolled back.", Effect.RECONFIGURE, example="2h")


class Bake(Spec):
    """A while after the decision in which the champion still answers a few, and harm gives everything back to it."""

    for_: Duration = field("How long.", Effect.RECONFIGURE, alias="for", example="24h")
    holdback: Percentage = field(
        "The share that the champion still answers.",
        Effect.RECONFIGURE,
        default="5%",
        example="5%",
        gt=0,
        lt=1,
        validate_default=True,
    )


class Rollout(Spec):
    """How a candidate takes over."""

    strategy: StrategyName = field(
        "The way it takes over: a registered strategy. `canary` goes by `steps`; others make the steps of their `params`.",
        Effect.RECONFIGURE,
        example="canary",
    )
    unit: Column = field("The same unit keeps the same model.", Effect.RECONFIGURE, example="person_id")
    only: dict[Column, tuple[str | int | float, ...]] = field(
        "Whom it is tried on: values of the request's inputs, all of which must match. The champion answers everybody else, in no "
        "judgement; a promotion is for all.",
        Effect.RECONFIGURE,
        default={},
        example={"region": ["north", "east"]},
    )
    steps: tuple[Step, ...] = field(
        "The candidate's shares, rising; what the strategy made where it makes them.",
        Effect.RECONFIGURE,
        default=(),
        min_length=1,
        example=[{"weight": "5%", "hold": "6h"}],
        usual=True,
    )
    params: Annotated[dict[str, Any], ParamsOf("strategy")] = field(
        "The strategy's parameters.",
        Effect.RECONFIGURE,
        default={},
        example={"from": "10%", "to": "50%", "by": "20%", "hold": "6h"},
    )
    judge: tuple[Judge, ...] = field("What the arms are compared by.", Effect.RECONFIGURE, min_length=1, example=[{"metric": "error_rate"}])
    false_rollback: Percentage = field(
        "The chance that a candidate no worse than the champion is rolled back, over the whole rollout.",
        Effect.RECONFIGURE,
        default="5%",
        example="5%",
        gt=0,
        le=0.5,
        validate_default=True,
    )
    false_promotion: Percentage = field(
        "The chance that a candidate beyond the margins is promoted, over the whole rollout.",
        Effect.RECONFIGURE,
        default="5%",
        example="5%",
        gt=0,
        le=0.5,
        validate_default=True,
    )
    when_undecided: Literal["rollback", "hold"] = field(
        "What happens after the last step without a decision; never `promote`.", Effect.RECONFIGURE, default="rollback", example="rollback"
    )
    warmup: Warmup = field("What comes first.", Effect.RECONFIGURE, default=Warmup(), example={"requests": 200, "for": "60s"})
    no_data: NoData = field(
        "What silence means.",
        Effect.RECONFIGURE,
        default=NoData(after="30s", deadline="2h"),  # type: ignore[arg-type]
        example={"after": "30s", "then": "hold", "deadline": "2h"},
    )
    bake: Bake | None = field(
        "A while after the decision in which the champion keeps a few: harm in it ends the rollout at once. Its end promotes.",
        Effect.RECONFIGURE,
        default=None,
        example={"for": "24h", "holdback": "5%"},
    )
