"""The section `training` of a model: algorithm, parameters, split, seed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import AlgorithmName, Column, MetricName, Name, ParamsOf, TransformName
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

    algorithm: AlgorithmName = field("A registered algorithm.", Effect.RETRAIN, example="sklearn.logistic_regression")
    params: Annotated[dict[str, Any], ParamsOf("algorithm")] = field(
        "The algorithm's parameters.", Effect.RETRAIN, default={}, example={"c": 1.0}
    )


class Transformation(Spec):
    """One transform of inputs, learned from the training rows alone."""

    id: Name = field("The step's name.", Effect.RETRAIN, example="codes")
    transform: TransformName = field("A registered transform.", Effect.RETRAIN, example="one_hot")
    columns: tuple[Column, ...] | None = field(
        "The inputs that it takes; all of its kind (numbers, or categories) where they are not given.",
        Effect.RETRAIN,
        default=None,
        example=["region", "sex"],
        min_length=1,
    )
    params: Annotated[dict[str, Any], ParamsOf("transform")] = field(
        "The transform's parameters.", Effect.RETRAIN, default={}, example={"min_rows": 20}
    )


class Range(Spec):
    """The values that one parameter may take: exactly one of `int`, `float`, `choice`."""

    int_: tuple[int, int] | None = field(
        "The least and the greatest whole number.", Effect.RETRAIN, default=None, alias="int", example=[15, 255]
    )
    float_: tuple[float, float] | None = field(
        "The least and the greatest number.", Effect.RETRAIN, default=None, alias="float", example=[0.01, 0.3]
    )
    choice: tuple[Any, ...] | None = field(
        "The values to choose from.", Effect.RETRAIN, default=None, example=["gbdt", "dart"], min_length=2
    )
    log: bool = field("Whether it is searched by orders of magnitude.", Effect.RETRAIN, default=False, example=True)


class Tune(Spec):
    """A search for better parameters; the best ones train the candidate."""

    trials: int = field("How many are tried at most.", Effect.RETRAIN, example=40, ge=1)
    timeout: Duration | None = field("When the search ends, whatever was tried.", Effect.RETRAIN, default=None, example="20m")
    maximize: MetricName | None = field(
        "The metric to raise; one of `maximize` and `minimize`.", Effect.RETRAIN, default=None, example="roc_auc"
    )
    minimize: MetricName | None = field("The metric to lower.", Effect.RETRAIN, default=None, example="log_loss")
    space: dict[str, Range] = field(
        "The parameters of the algorithm that are searched.",
        Effect.RETRAIN,
        min_length=1,
        example={"num_leaves": {"int": [15, 255], "log": True}},
    )


class Training(Spec):
    """How a candidate is made."""

    algorithm: AlgorithmName = field("A registered algorithm; it says the task.", Effect.RETRAIN, example="lightgbm.classifier")
    params: Annotated[dict[str, Any], ParamsOf("algorithm")] = field(
        "The algorithm's parameters.", Effect.RETRAIN, default={}, example={"learning_rate": 0.05}
    )
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
    transforms: tuple[Transformation, ...] = field(
        "What is done to the inputs before the algorithm sees them, one after another; kept with the model and done to each request.",
        Effect.RETRAIN,
        default=(),
        example=[{"id": "codes", "transform": "one_hot", "columns": ["region"]}, {"id": "sizes", "transform": "scale"}],
    )
    tune: Tune | None = field(
        "A search for better parameters.",
        Effect.RETRAIN,
        default=None,
        example={"trials": 40, "maximize": "roc_auc", "space": {"num_leaves": {"int": [15, 255]}}},
        later=True,
    )
    timeout: Duration = field("When a training run is ended.", Effect.RECONFIGURE, default="2h", example="2h", validate_default=True)
