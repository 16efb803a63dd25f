"""`kind: feature_view`: named features of one entity, how they are computed, and what values they may take."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, Name, SourceRef
from headrace.spec.quantity import Duration

AGGREGATES = ("sum", "count", "mean", "min", "max", "last")
"""What is computed over a window of an entity's rows; all but `last` need `over`."""
ORIGINS = ("column", *AGGREGATES, "since", "expression")
"""Where a feature's value comes from: exactly one of them is given."""


class Feature(Spec):
    """One feature: exactly one of `column`, an aggregate over a window, `since`, or `expression`."""

    column: Column | None = field("The source's column that holds it, as it stands.", Effect.RETRAIN, default=None, example="age")
    sum: Column | None = field("The column that is added up over the window.", Effect.RETRAIN, default=None, example="amount", later=True)
    count: Literal["rows"] | Column | None = field(
        "`rows`, or the column whose values are counted.", Effect.RETRAIN, default=None, example="rows", later=True
    )
    mean: Column | None = field("The column whose mean is taken.", Effect.RETRAIN, default=None, example="amount", later=True)
    min: Column | None = field("The column whose least value is taken.", Effect.RETRAIN, default=None, example="amount", later=True)
    max: Column | None = field("The column whose greatest value is taken.", Effect.RETRAIN, default=None, example="amount", later=True)
    last: Column | None = field("The column whose newest value is taken.", Effect.RETRAIN, default=None, example="store_id", later=True)
    since: Column | None = field(
        "The timestamp since whose newest value the time is taken, in days.",
        Effect.RETRAIN,
        default=None,
        example="purchased_at",
        later=True,
    )
    expression: str | None = field(
        "Arithmetic over other features of the view: `+`, `-`, `*`, `/` and parentheses.",
        Effect.RETRAIN,
        default=None,
        example="spend_28d / trips_7d",
        later=True,
    )
    over: Duration | None = field("The window of an aggregate, back from the row's time.", Effect.RETRAIN, default=None, example="28d")
    where: str | None = field("The rows that an aggregate counts.", Effect.RETRAIN, default=None, example="amount > 0")
    empty: float | None = field(
        "The value where there are no rows, or nothing to divide by; missing, where it is not given.",
        Effect.RETRAIN,
        default=None,
        example=0,
    )
    expires: Duration | None = field(
        "How old a value may be before it counts as missing, in training and in serving alike.",
        Effect.RETRAIN,
        default=None,
        example="90d",
        later=True,
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


class FeatureView(Spec):
    """Features of one entity as of a time."""

    kind: Literal["feature_view"]
    name: Name = field("The view's name.", Effect.BREAKING, example="person")
    description: str = field("What the features are about.", Effect.METADATA, default="", example="who a person is")
    from_: SourceRef = field("The source whose columns it names.", Effect.RETRAIN, alias="from", example="source/census")
    entity: Column = field("The column that identifies the entity.", Effect.RETRAIN, example="person_id")
    time: Column = field("The column that says when a row was true.", Effect.RETRAIN, example="surveyed_at")
    available_after: Duration | None = field(
        "How long after its time a row is known; nothing sees it before.", Effect.RETRAIN, default=None, example="2h", later=True
    )
    late: Duration | None = field(
        "How long after that a row may still arrive and be honoured.", Effect.RETRAIN, default=None, example="2d", later=True
    )
    window_edges: Literal["(t-w, t]", "[t-w, t)"] | None = field(
        "Which edge of a window belongs to it.", Effect.RETRAIN, default=None, example="(t-w, t]", later=True
    )
    ttl: Duration | None = field(
        "How old any value of the view may be, where a feature says no `expires` of its own.",
        Effect.RETRAIN,
        default=None,
        example="90d",
        later=True,
    )
    features: dict[Column, Feature] = field("The features by name.", Effect.BREAKING, min_length=1, example={"age": {"column": "age"}})
