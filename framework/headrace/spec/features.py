"""The section `features` of a model: which rows, which columns, what is to be predicted."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, SourceRef, ViewName
from headrace.spec.quantity import Duration

RESERVED = ("side", "origin", "prediction")
"""Columns that training rows and held-out rows have beside the model's own: none of these may have such a name."""


class Target(Spec):
    """What is to be predicted."""

    column: Column = field("The column with the answer.", Effect.BREAKING, example="employed")
    delay: Duration = field("How long after the row's time the answer is known.", Effect.RETRAIN, example="30d")


class Features(Spec):
    """The model's rows and inputs."""

    entity: Column = field("The column that identifies a row's subject.", Effect.BREAKING, example="person_id")
    time: Column = field("The column with a row's time; turns on training as of a moment.", Effect.RETRAIN, example="surveyed_at")
    target: Target = field("What is to be predicted.", Effect.BREAKING, example={"column": "employed", "delay": "30d"})
    rows: SourceRef = field("Where the rows (entity, time, target) come from.", Effect.RETRAIN, example="source/census")
    keep: Literal["all", "newest"] = field(
        "`all` rows of an entity, one each time that it was asked about, or only its `newest`.",
        Effect.RETRAIN,
        default="all",
        example="newest",
    )
    group: Column | None = field(
        "The column whose rows are ranked among each other, such as a query; the task `ranking` needs it, and requests carry it.",
        Effect.BREAKING,
        default=None,
        example="query_id",
    )
    use: dict[ViewName, Literal["all"] | tuple[Column, ...]] = field(
        "Features by view, or by a version of it (`basket@3`): `all`, or a list; `all` never means entity, time, target or group.",
        Effect.BREAKING,
        min_length=1,
        example={"person": "all"},
    )
