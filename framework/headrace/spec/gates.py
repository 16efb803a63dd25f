"""The section `gates` of a model: what a candidate must show before it may go on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, model_validator

from headrace.spec.field import Effect, Lacking, Spec, field
from headrace.spec.name import Column, GateName, MetricName, Name, ParamsOf
from headrace.spec.quantity import Duration


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
    confidence: float = field("Confidence of the one-sided interval.", Effect.RE_EVALUATE, default=0.95, example=0.95, gt=0.5, lt=1)
    first: Literal["pass", "baseline"] | None = field(
        "What happens while there is no champion; required with `versus: champion`.",
        Effect.RE_EVALUATE,
        default=None,
        example="pass",
    )
    by: Column | None = field(
        "The feature whose groups are compared; fairness metrics need it.", Effect.RE_EVALUATE, default=None, example="sex"
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
    gate: GateName | None = field(
        "A registered kind of gate, in the place of a metric.", Effect.RE_EVALUATE, default=None, example="prediction_spread"
    )
    params: Annotated[dict[str, Any], ParamsOf("gate")] = field(
        "The parameters of the kind.", Effect.RE_EVALUATE, default={}, example={"min": 0.05}
    )
    mode: Literal["block", "warn"] = field("`warn` records without blocking.", Effect.RE_EVALUATE, default="block", example="warn")

    @model_validator(mode="after")
    def _judges(self) -> Self:
        if self.metric is None and self.gate is None:
            raise Lacking("metric", "gate", help="write for example `metric: roc_auc`")
        return self
