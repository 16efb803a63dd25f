"""`kind: feature_view`: named features of one entity, and what values they may take."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, Name, SourceRef


class Feature(Spec):
    """One feature: a column of the view's source, as it stands."""

    column: Column = field("The source's column that holds it.", Effect.RETRAIN, example="age")
    range: tuple[float, float] | None = field(
        "The least and the greatest value that a request may carry; numbers only.",
        Effect.BREAKING,
        default=None,
        example=[0, 120],
    )
    description: str = field("What it says about the entity.", Effect.METADATA, default="", example="age in years")


class FeatureView(Spec):
    """Features of one entity as of a time."""

    kind: Literal["feature_view"]
    name: Name = field("The view's name.", Effect.BREAKING, example="person")
    description: str = field("What the features are about.", Effect.METADATA, default="", example="who a person is")
    from_: SourceRef = field("The source whose columns it names.", Effect.RETRAIN, alias="from", example="source/census")
    entity: Column = field("The column that identifies the entity.", Effect.RETRAIN, example="person_id")
    time: Column = field("The column that says when a row was true.", Effect.RETRAIN, example="surveyed_at")
    features: dict[Column, Feature] = field("The features by name.", Effect.BREAKING, min_length=1, example={"age": {"column": "age"}})
