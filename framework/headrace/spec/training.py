"""The section `training` of a model: algorithm, parameters, split, seed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator

from headrace.spec.field import Effect, Spec, field
from headrace.spec.quantity import Duration, Percentage


class RandomSplit(Spec):
    """Hold out a share of the entities, chosen by a hash of seed and entity: a row keeps its side for ever."""

    by: Literal["random"]
    holdout: Percentage = field("The share held out.", Effect.RETRAIN, example="20%", gt=0, lt=1)
    stratify: Literal["target"] | None = field("Hold out the same share of each answer.", Effect.RETRAIN, default=None, example="target")


class TimeSplit(Spec):
    """Hold out the newest rows."""

    by: Literal["time"]
    holdout: Duration = field("How much of the newest time is held out.", Effect.RETRAIN, example="90d")
    gap: Duration = field("How much before that is left out; at least the label's delay.", Effect.RETRAIN, example="30d")


Split = Annotated[RandomSplit | TimeSplit, Discriminator("by")]
"""How rows are held out for evaluation."""


class Baseline(Spec):
    """A plain model trained beside, to compare with."""

    algorithm: str = field("A registered algorithm.", Effect.RETRAIN, example="sklearn.logistic_regression")
    params: dict[str, Any] = field("The algorithm's parameters.", Effect.RETRAIN, default={}, example={"c": 1.0})


class Training(Spec):
    """How a candidate is made."""

    algorithm: str = field("A registered algorithm; it says the task.", Effect.RETRAIN, example="lightgbm.classifier")
    params: dict[str, Any] = field("The algorithm's parameters.", Effect.RETRAIN, default={}, example={"learning_rate": 0.05})
    split: Split = field(
        "How rows are held out for evaluation.",
        Effect.RETRAIN,
        default=RandomSplit(by="random", holdout="20%"),  # type: ignore[arg-type]
        example={"by": "random", "holdout": "20%"},
    )
    seed: int = field("Seed of the split and of the algorithm.", Effect.RETRAIN, default=0, example=7, ge=0, lt=2**31)
    baseline: Baseline | None = field(
        "A plain model trained beside; `versus: baseline` compares with it.",
        Effect.RETRAIN,
        default=None,
        example={"algorithm": "sklearn.logistic_regression"},
    )
    timeout: Duration = field("When a training run is ended.", Effect.RECONFIGURE, default="2h", example="2h", validate_default=True)
