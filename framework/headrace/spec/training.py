"""The section `training` of a model: algorithm, parameters, split, seed, search, folds, calibration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator

from headrace.address import Path
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


class Sampler(Spec):
    """By what the next parameters are chosen."""

    by: Literal["tpe", "random", "cmaes", "qmc", "nsga2", "grid"] = field(
        "The method; `grid` tries all values of `int` and `choice`.", Effect.RETRAIN, default="tpe", example="tpe"
    )
    seed: int = field("Its seed; with one worker the same seed tries the same.", Effect.RETRAIN, default=0, example=7, ge=0, lt=2**31)


class Pruner(Spec):
    """By what a trial is given up between two folds; with several goals none is."""

    by: Literal["median", "hyperband", "wilcoxon", "none"] = field("The method.", Effect.RETRAIN, default="median", example="median")


class Tune(Spec):
    """A search for better parameters; the best ones, by cross-validation on the training side, train the candidate."""

    trials: int = field(
        "How many are tried at most; the first are the parameters as they stand, so that nothing worse is chosen.",
        Effect.RETRAIN,
        example=40,
        ge=1,
    )
    timeout: Duration | None = field(
        "When the search ends, whatever was tried; `training.timeout` where it is not said.", Effect.RETRAIN, default=None, example="20m"
    )
    maximize: MetricName | tuple[MetricName, ...] | None = field(
        "The metric to raise, or several; one of `maximize` and `minimize` must be there.", Effect.RETRAIN, default=None, example="roc_auc"
    )
    minimize: MetricName | tuple[MetricName, ...] | None = field(
        "The metric to lower, or several.", Effect.RETRAIN, default=None, example="log_loss"
    )
    choose: Literal["ideal", "first"] = field(
        "With several goals, which of the trials that no other beats: `ideal` is the nearest to the best of all goals, `first` the best by "
        "the first goal.",
        Effect.RETRAIN,
        default="ideal",
        example="ideal",
    )
    space: dict[str, Range] = field(
        "The parameters of the algorithm that are searched.",
        Effect.RETRAIN,
        min_length=1,
        example={"num_leaves": {"int": [15, 255], "log": True}},
    )
    sampler: Sampler = field(
        "By what the next parameters are chosen.", Effect.RETRAIN, default=Sampler(by="tpe", seed=0), example={"by": "tpe", "seed": 7}
    )
    pruner: Pruner = field(
        "By what a trial is given up between two folds.", Effect.RETRAIN, default=Pruner(by="median"), example={"by": "median"}
    )
    workers: int = field(
        "How many trials run at once, each in a process of one thread.", Effect.RECONFIGURE, default=1, example=2, ge=1, le=256
    )

    @property
    def goals(self) -> tuple[tuple[Literal["maximize", "minimize"], str, Path], ...]:
        """Each metric with the word that it stands under and where, in the order of the words."""
        found: list[tuple[Literal["maximize", "minimize"], str, Path]] = []
        for word, said in (("maximize", self.maximize), ("minimize", self.minimize)):
            if isinstance(said, str):
                found.append((word, said, (word,)))  # type: ignore[arg-type]
            else:
                found += [(word, metric, (word, position)) for position, metric in enumerate(said or ())]  # type: ignore[misc]
        return tuple(found)


class StratifiedCv(Spec):
    """Each fold has the answers of the whole."""

    by: Literal["stratified"]
    folds: int = field("How many.", Effect.RETRAIN, default=5, example=5, ge=2, le=100)


class GroupCv(Spec):
    """Rows of one group are in one fold."""

    by: Literal["group"]
    folds: int = field("How many.", Effect.RETRAIN, default=5, example=5, ge=2, le=100)
    group: Column | None = field(
        "What tells the group: the entity (of a ranking, its group), which it is where nothing is said, or a feature that the model uses.",
        Effect.RETRAIN,
        default=None,
        example="person_id",
    )


class TimeCv(Spec):
    """Each fold is later than all that is trained on for it."""

    by: Literal["time"]
    folds: int = field("How many.", Effect.RETRAIN, default=5, example=5, ge=2, le=100)
    gap: Duration = field("How much before each fold is left out; at least the label's delay.", Effect.RETRAIN, example="30d")


Cv = Annotated[StratifiedCv | GroupCv | TimeCv, Discriminator("by")]
"""How the training side is dealt into folds."""


class EarlyStopping(Spec):
    """Training ends once it does not get better; the algorithm must train step by step."""

    rounds: int = field(
        "After how many steps without a lower loss it ends; the model is that of the best step.",
        Effect.RETRAIN,
        default=50,
        example=50,
        ge=1,
    )
    share: Percentage = field(
        "The share of the training side that the loss is measured on; the newest rows of a split by time. Nothing is fitted on it.",
        Effect.RETRAIN,
        default="10%",
        example="10%",
        validate_default=True,
        gt=0,
        lt=1,
    )


class Calibrate(Spec):
    """Answers are made probabilities by rows that the model was not fitted on."""

    method: Literal["isotonic", "sigmoid"] = field(
        "`isotonic`: a rising line of any form, for many rows; `sigmoid`: a curve of two numbers, for few.",
        Effect.RETRAIN,
        example="isotonic",
    )
    share: Percentage = field(
        "The share of the training side that it is fitted on; the newest rows of a split by time.",
        Effect.RETRAIN,
        default="20%",
        example="20%",
        validate_default=True,
        gt=0,
        lt=1,
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
    )
    cv: Cv | None = field(
        "Folds of the training side: metrics of each stand with the version, and `tune` searches by them. Without it `tune` deals three "
        "folds, by time where the split is by time.",
        Effect.RETRAIN,
        default=None,
        example={"by": "stratified", "folds": 5},
    )
    early_stopping: EarlyStopping | None = field(
        "Training ends once it does not get better.", Effect.RETRAIN, default=None, example={"rounds": 50, "share": "10%"}
    )
    calibrate: Calibrate | None = field(
        "Answers are made probabilities by rows kept apart.", Effect.RETRAIN, default=None, example={"method": "isotonic"}
    )
    timeout: Duration = field("When a training run is ended.", Effect.RECONFIGURE, default="2h", example="2h", validate_default=True)
