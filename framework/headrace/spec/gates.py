"""The section `gates` of a model: what a candidate must show before it may go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, model_validator

from headrace.spec.field import Effect, Lacking, Spec, field
from headrace.spec.name import Column, GateName, MetricName, Name, ParamsOf, RowCondition
from headrace.spec.quantity import Day, Duration

STANDARD: dict[str, tuple[Literal["min", "max"], float | timedelta]] = {
    "accuracy": ("min", 0.8),
    "demographic_parity_difference": ("max", 0.1),
    "equal_opportunity_difference": ("max", 0.1),
    "equalized_odds_difference": ("max", 0.1),
    "group_calibration_difference": ("max", 0.1),
    "demographic_parity_ratio": ("min", 0.8),
    "latency_p99": ("max", timedelta(milliseconds=100)),
}
"""What `bound: standard` means, by metric: right four times of five, groups no more than a tenth apart, a tenth of a second."""


class Slice(Spec):
    """Rows that are judged by themselves: those of each value of `by`, or those for which `where` holds."""

    by: Column | tuple[Column, ...] | None = field(
        "A feature, or several whose combinations are meant: each value is a slice.", Effect.RE_EVALUATE, default=None, example="region"
    )
    where: RowCondition | None = field(
        "Or a condition over features: one slice, that must have enough rows.", Effect.RE_EVALUATE, default=None, example="age >= 65"
    )
    min_rows: int = field(
        "Slices with fewer held-out rows are named, and not judged; one of `where` fails the gate.",
        Effect.RE_EVALUATE,
        default=100,
        example=200,
        ge=1,
    )


class Waiver(Spec):
    """Who lets versions through although the gate says no; the verdict stays a failure."""

    by: str = field("Who answers for it: a principal by name.", Effect.RE_EVALUATE, example="alice@example.com", min_length=1)
    reason: str = field("Why, for whoever reads the report.", Effect.RE_EVALUATE, example="labels of May are late", min_length=1)
    until: Day = field("The last day on which it holds, in UTC; then the gate blocks again.", Effect.RE_EVALUATE, example="2026-12-31")


class Gate(Spec):
    """One gate: a `metric` with exactly one of `min`, `max`, `versus`; or a `gate` that a plugin registered, with its `params`."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [word], "properties": {word: {"type": "string"}}} for word in ("metric", "gate")]}
    )

    id: Name = field("The gate's name in plans and reports.", Effect.RE_EVALUATE, example="quality")
    metric: MetricName | None = field(
        "A registered metric; `noise_robustness` is the share of answers that stay when numbers get noise of a tenth of their spread.",
        Effect.RE_EVALUATE,
        default=None,
        example="roc_auc",
        usual=True,
    )
    min: float | None = field("The least value that passes.", Effect.RE_EVALUATE, default=None, example=0.85)
    max: float | Duration | None = field(
        "The greatest value that passes; a duration for latencies.", Effect.RE_EVALUATE, default=None, example=0.1
    )
    bound: Literal["standard"] | None = field(
        "In the place of `min` and `max`: the usual bound of this metric, as `explain` lists them.",
        Effect.RE_EVALUATE,
        default=None,
        example="standard",
    )
    proven: bool = field(
        "Whether the interval's bad end must be within the bound at `confidence`, and not the value alone.",
        Effect.RE_EVALUATE,
        default=False,
        example=True,
    )
    versus: Literal["champion", "baseline"] | None = field(
        "Whom the candidate is compared with, on the same held-out rows.", Effect.RE_EVALUATE, default=None, example="champion"
    )
    worse_by_at_most: float = field(
        "How much worse is allowed; the bootstrap interval's bad end must stay within it.",
        Effect.RE_EVALUATE,
        default=0.0,
        example=0.005,
        ge=0,
    )
    better_by_at_least: float | None = field(
        "Or how much better the candidate must be, by the interval's bad end.", Effect.RE_EVALUATE, default=None, example=0.01, gt=0
    )
    test: Literal["bootstrap", "mcnemar", "delong"] = field(
        "How the difference is bounded: rows drawn again, for any metric; McNemar's test, for `accuracy`; DeLong's, for `roc_auc`.",
        Effect.RE_EVALUATE,
        default="bootstrap",
        example="delong",
    )
    confidence: float = field("Confidence of the one-sided interval.", Effect.RE_EVALUATE, default=0.95, example=0.95, gt=0.5, lt=1)
    first: Literal["pass", "baseline"] | None = field(
        "What happens while there is no champion; required with `versus: champion`.",
        Effect.RE_EVALUATE,
        default=None,
        example="pass",
    )
    by: Column | tuple[Column, ...] | None = field(
        "The feature whose groups are compared, or several whose combinations are; fairness metrics need it.",
        Effect.RE_EVALUATE,
        default=None,
        example="sex",
    )
    min_group: int = field("Groups with fewer held-out rows are named and left out.", Effect.RE_EVALUATE, default=100, example=100, ge=1)
    average: Literal["macro", "weighted"] | None = field(
        "How a metric of several classes becomes one number: all classes alike (`macro`, where nothing is said), or each by its rows.",
        Effect.RE_EVALUATE,
        default=None,
        example="weighted",
    )
    each: Literal["class"] | None = field(
        "Or that each class must pass by itself, against the rest.", Effect.RE_EVALUATE, default=None, example="class"
    )
    k: int | None = field(
        "How many of each group's first rows a metric of a ranking looks at; all of them, where nothing is said.",
        Effect.RE_EVALUATE,
        default=None,
        example=10,
        ge=1,
    )
    slices: tuple[Slice, ...] = field(
        "Parts of the rows that must pass, each by itself.",
        Effect.RE_EVALUATE,
        default=(),
        example=[{"by": "region", "min_rows": 200}, {"where": "age >= 65"}],
    )
    gate: GateName | None = field(
        "A registered kind of gate, in the place of a metric.", Effect.RE_EVALUATE, default=None, example="prediction_spread"
    )
    params: Annotated[dict[str, Any], ParamsOf("gate")] = field(
        "The parameters of the kind.", Effect.RE_EVALUATE, default={}, example={"min": 0.05}
    )
    mode: Literal["block", "warn"] = field("`warn` records without blocking.", Effect.RE_EVALUATE, default="block", example="warn")
    waive: Waiver | None = field(
        "Who lets versions through although this gate says no.",
        Effect.RE_EVALUATE,
        default=None,
        example={"by": "alice@example.com", "reason": "labels of May are late", "until": "2026-12-31"},
    )

    @property
    def bounds(self) -> tuple[float | None, float | timedelta | None]:
        """The least and the greatest value that pass; of `bound: standard`, what it means for the metric."""
        if self.bound is None or self.metric not in STANDARD:
            return self.min, self.max
        side, value = STANDARD[self.metric]
        return (float(value), None) if side == "min" and not isinstance(value, timedelta) else (None, value)

    @model_validator(mode="after")
    def _judges(self) -> Self:
        if self.metric is None and self.gate is None:
            raise Lacking("metric", "gate", help="write for example `metric: roc_auc`")
        return self
