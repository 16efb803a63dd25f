"""How one model is made of the training side: parts kept apart, training watched, ended early, taken up, and its answers calibrated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import EnoughError, Metric, Plugins, Signature, Watch
from headrace.hooks.watch import LOSS
from headrace.training.apart import Calibrate, EarlyStopping, Parts, parts
from headrace.training.calibrate import calibration
from headrace.training.checkpoint import Checkpoint
from headrace.training.fit import Evaluation, Fitted, Sides, evaluate, fit, offered
from headrace.training.folds import Folds, GroupFolds, deal
from headrace.training.grouped import sizes, taken
from headrace.transforms import Transformation, format_of, pack, read, unpack

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Pairs = list[tuple[NDArray[np.int64], NDArray[np.int64]]]

_FOLDS = 5
Told = Callable[[int, Mapping[str, float]], None]
"""What is called after each step of a training that can be watched: its number, and what is known of it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a model is made by but its rows."""

    algorithm: str
    params: Mapping[str, Any]
    seed: int
    early_stopping: EarlyStopping | None = None
    calibrate: Calibrate | None = None
    transforms: Sequence[Transformation] = ()
    folds: Folds | None = None
    """For an algorithm that learns from folds of its rows; without them five, that leave each entity whole."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the rows' own columns are called; `entity` is whose rows stay together: of a ranking, the group."""

    entity: str
    time: str
    target: str


@dataclass(frozen=True)
class Made:
    """A model, and what a manifest says of how it was made beyond its parameters: nothing, where nothing was asked for."""

    fitted: Fitted
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """What the bytes are."""
        return format_of(self.fitted.data, self.fitted.algorithm.format)


def make(  # noqa: PLR0917 - what a model is made of
    plugins: Plugins,
    sides: Sides,
    frame: pd.DataFrame,
    keys: Keys,
    recipe: Recipe,
    signature: Signature,
    *,
    step: Told | None = None,
    checkpoint: Checkpoint | None = None,
) -> Made:
    """Fit on the training side of `sides`, whose rows `frame` tells; nothing of it sees the held-out ones.

    HeadraceError: those of `fit`, `parts` and `calibration`, and `not-watched` where early stopping is asked of an algorithm that cannot.
    """
    early, calibrate = recipe.early_stopping, recipe.calibrate
    _refuse_unwatched(plugins, recipe)
    if calibrate is not None and (task := offered(plugins, recipe.algorithm).task) != "binary":
        message = f"`{recipe.algorithm}` answers a {task}, and `calibrate` is for a yes or no"
        raise HeadraceError(Diagnostic("wrong-task", message, help="remove `calibrate`"), Exit.INVALID)
    apart = parts(frame, early, calibrate, entity=keys.entity, time=keys.time, seed=recipe.seed)
    inner = replace(
        sides, train=sides.train[apart.fit], train_target=sides.train_target[apart.fit], train_group=taken(sides.train_group, apart.fit)
    )
    progress = _Progress(early, step, checkpoint)
    fitted = fit(
        plugins,
        inner,
        algorithm=recipe.algorithm,
        params=recipe.params,
        signature=signature,
        seed=recipe.seed,
        transforms=recipe.transforms,
        watch=progress.watch(sides, apart),
        folds=inner_folds(plugins, recipe.algorithm, recipe, frame.iloc[apart.fit], keys),
    )
    told: dict[str, Any] = {}
    if early is not None:
        told["early_stopping"] = {
            **progress.told(),
            "rows": {"fit": len(apart.fit), "validation": len(apart.validation)},
            "asked": asdict(early),
        }
    if calibrate is not None:
        fitted, told["calibration"] = _calibrated(plugins, fitted, sides, apart, calibrate, signature)
    return Made(fitted, told)


def inner_folds(plugins: Plugins, algorithm: str, recipe: Recipe, frame: pd.DataFrame, keys: Keys) -> Pairs:
    """The rows that a model is fitted on as its algorithm learns from them, if in folds; HeadraceError those of `deal`."""
    if not offered(plugins, algorithm).folds:
        return []
    how = recipe.folds or GroupFolds(_FOLDS, keys.entity)
    return deal(frame, how, target=keys.target, time=keys.time, seed=recipe.seed)


def _refuse_unwatched(plugins: Plugins, recipe: Recipe) -> None:
    known = plugins.algorithms.get(recipe.algorithm)
    if recipe.early_stopping is not None and known is not None and not known.watched:
        message = f"`{recipe.algorithm}` does not train step by step: it cannot be stopped early"
        raise HeadraceError(Diagnostic("not-watched", message, help="remove `early_stopping`"))


class _Progress:
    """What happens after each step of one training."""

    def __init__(self, early: EarlyStopping | None, step: Told | None, checkpoint: Checkpoint | None) -> None:
        self._early, self._step, self._checkpoint = early, step, checkpoint
        kept = checkpoint.read() if checkpoint is not None else None
        self._losses: list[float] = kept[0] if kept is not None else []
        self._resume = kept[1] if kept is not None else None
        self._steps = len(self._losses)
        self._stopped = False

    def watch(self, sides: Sides, apart: Parts) -> Watch:
        """As the algorithm is given it."""
        validation = (sides.train[apart.validation], sides.train_target[apart.validation]) if len(apart.validation) else None
        group = taken(sides.train_group, apart.validation) if validation is not None else None
        sized = None if group is None else sizes(group)
        return Watch(validation, self._after, self._keep, self._resume, group=sized, within=self._within)

    def told(self) -> dict[str, Any]:
        """For the manifest: how many steps were trained, after how many the model is taken, and the loss there."""
        best = self._best() if self._stopped else self._steps
        return {"trained": self._steps, "steps": best, LOSS: self._losses[best - 1] if 0 < best <= len(self._losses) else None}

    def _after(self, number: int, values: Mapping[str, float]) -> None:
        self._steps = number
        if LOSS in values:
            self._losses.append(float(values[LOSS]))
        if self._step is not None:
            self._step(number, values)
        if self._early is not None and self._losses and number - (best := self._best()) >= self._early.rounds:
            self._stopped = True
            raise EnoughError(best)

    def _within(self, number: int, values: Mapping[str, float]) -> None:
        if self._step is not None:
            self._step(number, values)

    def _best(self) -> int:
        """The step with the least loss, from 1 on; one that is no number is never the best."""
        numbers = [loss if math.isfinite(loss) else math.inf for loss in self._losses]
        return numbers.index(min(numbers)) + 1

    def _keep(self, number: int, model: bytes) -> None:
        del number
        if self._checkpoint is not None:
            self._checkpoint.write(self._losses, model)


def _calibrated(  # noqa: PLR0917 - what a calibration is made of
    plugins: Plugins, fitted: Fitted, sides: Sides, apart: Parts, calibrate: Calibrate, signature: Signature
) -> tuple[Fitted, dict[str, Any]]:
    """The model with its calibration, asked after it was packed and read again."""
    import numpy as np

    plain = read(plugins, fitted.algorithm, fitted.data, signature=signature)
    answers = np.asarray(plain.predict(sides.train[apart.calibration]), dtype=np.float64)
    curve = calibration(calibrate.method, answers, sides.train_target[apart.calibration])
    data = pack(replace(unpack(fitted.data), calibration=curve))
    whole = read(plugins, fitted.algorithm, data, signature=signature)
    told = {"method": calibrate.method, "rows": len(apart.calibration), "asked": asdict(calibrate)}
    return replace(fitted, data=data, holdout=whole.predict(sides.holdout)), told


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Metrics of each fold, in order."""

    folds: list[Evaluation]

    def to_json(self) -> dict[str, Any]:
        """By metric: each fold, mean and standard deviation (n - 1); None where a fold has none."""
        names = sorted({name for fold in self.folds for name in fold.metrics})
        return {name: summary([fold.metrics.get(name) for fold in self.folds]) for name in names}


def summary(values: list[float | None]) -> dict[str, Any]:
    """The values, their mean and their standard deviation."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return {"folds": values, "mean": None, "sd": None}
    mean = math.fsum(known) / len(known)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1)) if len(known) > 1 else 0.0
    return {"folds": values, "mean": mean, "sd": spread}


@dataclass(frozen=True)
class Dealt:
    """The training side in folds: asked one at a time, so that a search may stop between two."""

    plugins: Plugins
    sides: Sides
    frame: pd.DataFrame
    keys: Keys
    signature: Signature
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]

    @classmethod
    def of(cls, plugins: Plugins, sides: Sides, frame: pd.DataFrame, keys: Keys, signature: Signature, *, how: Folds, seed: int) -> Dealt:
        """Deal; HeadraceError those of `deal`."""
        return cls(plugins, sides, frame, keys, signature, deal(frame, how, target=keys.target, time=keys.time, seed=seed))

    def evaluate(self, number: int, recipe: Recipe, metrics: Mapping[str, Metric]) -> Evaluation:
        """Metrics of one fold's rows by a model of the others; HeadraceError those of `make`."""
        train, rest = self.pairs[number]
        truth, group = self.sides.train_target, self.sides.train_group
        inner = Sides(
            self.sides.train[train],
            truth[train],
            self.sides.train[rest],
            truth[rest],
            self.sides.classes,
            taken(group, train),
            taken(group, rest),
        )
        made = make(self.plugins, inner, self.frame.iloc[train], self.keys, recipe, self.signature)
        return evaluate(metrics, made.fitted.answers, inner.holdout_target, made.fitted.holdout, inner.holdout_group)


def cross_validate(dealt: Dealt, recipe: Recipe, metrics: Mapping[str, Metric]) -> CrossValidated:
    """All folds."""
    return CrossValidated([dealt.evaluate(number, recipe, metrics) for number in range(len(dealt.pairs))])
