"""How one algorithm is asked for one model, and what is demanded of the answer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Algorithm, Answers, Component, Metric, Plugins, Signature, Watch, resolve
from headrace.hooks.answers import BINARY
from headrace.hooks.asking import asking
from headrace.hooks.composed import fitted as called
from headrace.hooks.own import line
from headrace.spec.params import read_params
from headrace.training.grouped import sizes
from headrace.transforms import Chain, Packed, Transformation, learned, pack, read, seen, transformed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pairs = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


LOG = logging.getLogger("headrace.training")


@dataclass(frozen=True)
class Sides:
    """The rows, (n, k) and (m, k), as a signature encodes them, with their answers, (n,) and (m,); a class is its position in `classes`."""

    train: NDArray[Any]
    train_target: NDArray[np.float64]
    holdout: NDArray[Any]
    holdout_target: NDArray[np.float64]
    classes: tuple[str, ...] = ()
    train_group: NDArray[np.int64] | None = None
    """Of a ranking, the number of each row's group, (n,); rows of one group follow one another."""
    holdout_group: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Fitted:
    """A model, its bytes, and what those answer to the held-out side; `params` are those it was made with, defaults included, as JSON."""

    algorithm: Algorithm
    params: dict[str, Any]
    data: bytes
    holdout: NDArray[np.float64]
    answers: Answers = BINARY
    components: tuple[Component, ...] = ()
    """The parts of an ensemble."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics by name; None where one is not defined or failed, and why those failed that did."""

    metrics: dict[str, float | None]
    failed: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """As a manifest has it: reasons only where there are any."""
        return {"metrics": self.metrics, **({"failed_metrics": self.failed} if self.failed else {})}


def fit(
    plugins: Plugins,
    sides: Sides,
    *,
    algorithm: str,
    params: Mapping[str, Any],
    signature: Signature,
    seed: int,
    transforms: Sequence[Transformation] = (),
    watch: Watch | None = None,
    folds: Pairs = (),
) -> Fitted:
    """Train, save, load again, and ask what was loaded; `transforms` learn from the training side, and are part of the model.

    `watch` is for algorithms that can be watched, `folds` of the training rows for those that learn from them.

    HeadraceError: `unknown-algorithm`, `bad-params`, `training-failed`, `bad-predictions` (what the algorithm's task does not mean),
    `unfaithful-format` (the loaded model answers otherwise than the saved one), and those of `transforms.learned`.
    """
    import numpy as np

    known = offered(plugins, algorithm)
    try:
        settings = read_params(resolve(known.params), params)
    except ValidationError as error:
        faults = "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())
        raise HeadraceError(Diagnostic("bad-params", f"parameters of `{algorithm}`: {faults}"), Exit.INVALID) from error
    chain, matrix = learned(plugins, transforms, sides.train, sides.train_target, signature=signature, seed=seed)
    try:
        watch = _behind(plugins, chain, watch) if known.watched else None
        group = sizes(sides.train_group) if sides.train_group is not None else None
        made = (matrix, sides.train_target, chain.signature, settings, seed)
        inside = called(plugins, known, *made, watch=watch, folds=folds, group=group)
        own = resolve(known.save)(inside)
        parts = tuple(resolve(known.components)(own)) if known.components is not None else ()
        data = pack(Packed(own, chain))
        loaded = read(plugins, known, data, signature=signature)
        fitted = transformed(plugins, chain, inside)
        before, holdout = (np.asarray(model.predict(sides.holdout), dtype=np.float64) for model in (fitted, loaded))
    except Exception as error:  # a plugin may raise anything
        place = line(error, plugins.root) if plugins.root is not None else None
        raise HeadraceError(Diagnostic("training-failed", f"`{algorithm}` failed: {type(error).__name__}: {error}", place)) from error
    answers = Answers(known.task, sides.classes, tuple(getattr(settings, "quantiles", ())) if known.task == "quantile" else ())
    for given in (before, holdout):
        if why := answers.fault(given, len(sides.holdout_target)):
            raise HeadraceError(Diagnostic("bad-predictions", f"`{algorithm}` {why}"))
    if not np.array_equal(before, holdout):
        raise HeadraceError(
            Diagnostic("unfaithful-format", f"`{algorithm}` answers otherwise after saving and loading: it cannot be served")
        )
    used = settings.model_dump(mode="json", by_alias=True)
    return Fitted(known, used, data, holdout, answers, parts)


def _behind(plugins: Plugins, chain: Chain, watch: Watch | None) -> Watch | None:
    """The same, with validation rows as the algorithm sees rows."""
    if watch is None or watch.validation is None or not chain.links:
        return watch
    rows, answers = watch.validation
    return replace(watch, validation=(seen(plugins, chain, rows), answers))


def offered(plugins: Plugins, algorithm: str) -> Algorithm:
    """The algorithm of this name; HeadraceError `unknown-algorithm` where no plugin offers it."""
    known = plugins.algorithms.get(algorithm)
    if known is None:
        advice = f"there are: {', '.join(sorted(plugins.algorithms))}"
        raise HeadraceError(Diagnostic("unknown-algorithm", f"no plugin offers the algorithm `{algorithm}`", help=advice), Exit.INVALID)
    return known


def evaluate(
    metrics: Mapping[str, Metric],
    answers: Answers,
    target: NDArray[np.float64],
    predictions: NDArray[np.float64],
    group: NDArray[np.int64] | None = None,
) -> Evaluation:
    """Every metric of answers that fits the task; what fails or takes too long ends nothing, since judging is the gates' matter.

    `group` (n,) numbers the group of each row of a ranking.
    """
    found: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, metric in sorted(metrics.items()):
        if metric.needs in {"groups", "latency", "noise"} or answers.task not in metric.of:
            continue
        try:
            value = asking(metric, answers, group=group)(target, predictions)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            value = math.nan
            reasons[name] = f"{type(error).__name__}: {error}"
            LOG.warning("the metric `%s` has no value: %s", name, reasons[name])
        found[name] = value if math.isfinite(value) else None
    return Evaluation(found, reasons)
