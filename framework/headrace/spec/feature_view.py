"""`kind: feature_view`: named features of one entity, how they are computed, and what values they may take."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ArithmeticText, Column, RowCondition, SourceRef, VersionedName
from headrace.spec.quantity import Duration

AGGREGATES = ("sum", "count", "mean", "min", "max", "std", "last", "distinct", "ratio")
"""What is computed over a window of an entity's rows; all but `last` need `over`."""
OF_COLUMNS = ("column", "sum", "count", "mean", "min", "max", "std", "last", "distinct", "since")
"""Origins that name a column; `count` may say `rows` instead."""
OTHER = "other"
"""How the feature of all other segments ends."""
CLOSED = "(t-w, t]"
"""Windows whose end belongs to them."""
ORIGINS = ("column", *AGGREGATES, "since", "expression")
"""Where a feature's value comes from: exactly one of them is given."""


class Feature(Spec):
    """One feature: exactly one of `column`, an aggregate over a window, `since`, or `expression`."""

    column: Column | None = field(
        "The source's column that holds it, as it stands in the entity's newest row.", Effect.RETRAIN, default=None, example="age"
    )
    sum: Column | None = field("The column that is added up over the window.", Effect.RETRAIN, default=None, example="amount")
    count: Literal["rows"] | Column | None = field(
        "`rows`, or the column whose values are counted.", Effect.RETRAIN, default=None, example="rows"
    )
    mean: Column | None = field("The column whose mean is taken.", Effect.RETRAIN, default=None, example="amount")
    min: Column | None = field("The column whose least value is taken.", Effect.RETRAIN, default=None, example="amount")
    max: Column | None = field("The column whose greatest value is taken.", Effect.RETRAIN, default=None, example="amount")
    std: Column | None = field(
        "The column whose standard deviation (of a sample: by n - 1) is taken.", Effect.RETRAIN, default=None, example="amount"
    )
    distinct: Column | None = field("The column whose different values are counted.", Effect.RETRAIN, default=None, example="store_id")
    ratio: RowCondition | None = field(
        "A condition: the share of the window's rows for which it holds.", Effect.RETRAIN, default=None, example="amount > 100"
    )
    last: Column | None = field(
        "The column whose newest value is taken; rows without one are passed over.", Effect.RETRAIN, default=None, example="store_id"
    )
    back: int | None = field(
        "How many values before the newest one `last` takes: with 1 it is the last but one.",
        Effect.RETRAIN,
        default=None,
        example=1,
        ge=1,
        le=100,
    )
    ago: Duration | None = field(
        "How long before the row's time the window of an aggregate ends: with `7d`, `last` is the value that held a week earlier, by what"
        " was known at the row's time.",
        Effect.RETRAIN,
        default=None,
        example="7d",
    )
    since: Column | None = field(
        "The timestamp since whose newest value the time is taken, in days.",
        Effect.RETRAIN,
        default=None,
        example="purchased_at",
    )
    expression: ArithmeticText | None = field(
        "Arithmetic over other features of the view: `+`, `-`, `*`, `/` and parentheses.",
        Effect.RETRAIN,
        default=None,
        example="spend_28d / trips_7d",
    )
    over: Duration | None = field("The window of an aggregate, back from the row's time.", Effect.RETRAIN, default=None, example="28d")
    where: RowCondition | None = field("The rows that an aggregate counts.", Effect.RETRAIN, default=None, example="amount > 0")
    by: Column | None = field(
        "The column of texts by whose values an aggregate becomes several: one feature `NAME_VALUE` for each of `segments`.",
        Effect.RETRAIN,
        default=None,
        example="department",
    )
    segments: tuple[str, ...] | None = field(
        "The values that `by` makes a feature of; those of the source's check of `values` where it is not given. No data are looked at.",
        Effect.RETRAIN,
        default=None,
        min_length=1,
        example=["DELI", "MEAT"],
    )
    other: bool | None = field(
        "Whether `by` makes one more feature, `NAME_other`, of rows of any other value; one that is missing is in none.",
        Effect.RETRAIN,
        default=None,
        example=True,
    )
    empty: float | None = field(
        "The value where there are no rows, or nothing to divide by; where it is not given, 0 for `count` and `distinct`, else missing.",
        Effect.RETRAIN,
        default=None,
        example=0,
    )
    expires: Duration | None = field(
        "How old the newest value may be before it counts as missing; for `column`, `last` and `since`.",
        Effect.RETRAIN,
        default=None,
        example="90d",
    )
    range: tuple[float, float] | None = field(
        "The least and the greatest value that a request may carry; numbers only.",
        Effect.BREAKING,
        default=None,
        example=[0, 120],
    )
    description: str = field("What it says about the entity.", Effect.METADATA, default="", example="age in years")

    @property
    def origin(self) -> tuple[str, ...]:
        """Those of `ORIGINS` that are given; a rule wants exactly one."""
        return tuple(word for word in ORIGINS if getattr(self, word) is not None)


class Online(Spec):
    """How a model's server reads the features of an entity for which a request sends none."""

    fresh_within: Duration | None = field(
        "How old the newest event may be when a request is answered; any age where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example="15m",
    )
    when_stale: Literal["answer", "refuse"] = field(
        "What a server does once it is older: it answers and says so, or it refuses (503).",
        Effect.REDEPLOY,
        default="answer",
        example="refuse",
    )
    sent: Literal["refuse", "wins"] = field(
        "What a request may send of the view's features: all or none of them, or any, which then stand before those that are read.",
        Effect.REDEPLOY,
        default="refuse",
        example="wins",
    )


class FeatureView(Spec):
    """Features of one entity as of a time."""

    kind: Literal["feature_view"]
    name: VersionedName = field(
        "The view's name; `NAME@N` is version N of it as it was applied, which `headrace features pin NAME@N` writes.",
        Effect.BREAKING,
        example="person",
    )
    description: str = field("What the features are about.", Effect.METADATA, default="", example="who a person is")
    from_: SourceRef = field("The source whose columns it names.", Effect.RETRAIN, alias="from", example="source/census")
    entity: Column = field("The column that identifies the entity.", Effect.RETRAIN, example="person_id")
    time: Column = field("The column that says when a row was true.", Effect.RETRAIN, example="surveyed_at")
    available_after: Duration | None = field(
        "How long after its time a row is known; nothing sees it before.", Effect.RETRAIN, default=None, example="2h"
    )
    late: Duration | None = field(
        "How long after that a row may still arrive (by its source's `available_at`) and be honoured.",
        Effect.RETRAIN,
        default=None,
        example="2d",
    )
    window_edges: Literal["(t-w, t]", "[t-w, t)"] = field(
        "Which edge of a window belongs to it.", Effect.RETRAIN, default="(t-w, t]", example="[t-w, t)"
    )
    tie_break: tuple[Column, ...] = field(
        "Columns whose greater value makes the newer of two rows of one time; the greater value itself decides what is left.",
        Effect.RETRAIN,
        default=(),
        example=["basket_id"],
    )
    ttl: Duration | None = field(
        "How old the newest value of a feature may be that says no `expires` of its own; for `column`, `last` and `since`.",
        Effect.RETRAIN,
        default=None,
        example="90d",
    )
    online: Online | None = field(
        "That servers read its features as of a request's moment from kept events; a request sends them where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example={"fresh_within": "15m"},
    )
    features: dict[Column, Feature] = field("The features by name.", Effect.BREAKING, min_length=1, example={"age": {"column": "age"}})
