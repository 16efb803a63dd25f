"""Fits that are tracked by themselves: scikit-learn's estimators and LightGBM's training, until it is switched off."""

from __future__ import annotations

import functools
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from headrace.notebook.run import ACTIVE, Run

_LONGEST = 500
"""Characters of a param that is no plain value, such as an estimator within a pipeline."""
_PATCHED: list[tuple[Any, str, Any]] = []
"""What was put in the place of what: the owner, the attribute, and what stood there."""
_OF_LIGHTGBM: ContextVar[Run | None] = ContextVar("_OF_LIGHTGBM", default=None)
"""The run of LightGBM's own estimator that fits: the training that it calls is logged into it, too."""
_FITTING = threading.Lock()
"""Held by the outermost fit: what it fits within, in whatever thread, is a part of it."""


def autolog(*, on: bool = True, experiment: str = "autolog", environment: str | None = None) -> None:
    """Track every outermost fit of scikit-learn and LightGBM from now on; `on=False` puts back what was there.

    Within `with headrace.run(...)` a fit is logged into that run, otherwise each has a run of its own in `experiment`. Of a scikit-learn
    estimator: its params and its score on the training rows. Of LightGBM (`train` and the estimators): params, the metrics of every
    iteration, and the model's text. What goes wrong in tracking is a warning, and never breaks a fit.
    """
    while _PATCHED:
        owner, name, original = _PATCHED.pop()
        setattr(owner, name, original)
    if on:
        # LightGBM first: its estimators are among scikit-learn's once they are imported.
        _patch_lightgbm(experiment, environment)
        _patch_sklearn(experiment, environment)


def _put(owner: Any, name: str, new: Any) -> None:  # noqa: ANN401 - a class or a module
    _PATCHED.append((owner, name, vars(owner)[name]))
    setattr(owner, name, new)


def _patch_sklearn(experiment: str, environment: str | None) -> None:
    try:
        from sklearn.base import BaseEstimator
        from sklearn.utils import all_estimators
    except ImportError:
        return
    all_estimators()  # imports them, so that they are known as subclasses
    for kind in _below(BaseEstimator):
        original = vars(kind).get("fit")
        if isinstance(original, types.FunctionType):
            _put(kind, "fit", _fit(original, experiment, environment))


def _below(kind: type) -> Iterator[type]:
    seen: set[type] = set()
    waiting = [kind]
    while waiting:
        below: list[type] = type.__subclasses__(waiting.pop())
        for item in below:
            if item not in seen:
                seen.add(item)
                waiting.append(item)
                yield item


def _fit(original: Callable[..., Any], experiment: str, environment: str | None) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - scikit-learn's own
        with _tracked(type(self).__name__, experiment, environment) as run:
            if run is None:
                return original(self, *given, **named)
            token = _OF_LIGHTGBM.set(run if type(self).__module__.startswith("lightgbm.") else None)
            try:
                made = original(self, *given, **named)
            finally:
                _OF_LIGHTGBM.reset(token)
            _quietly(_log_estimator, run, self, given, named)
            return made

    return fit


def _log_estimator(run: Run, estimator: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:  # noqa: ANN401
    run.log_params({"estimator": type(estimator).__name__, **_told(estimator.get_params(deep=True))})
    rows, target = (given[i] if len(given) > i else named.get(name) for i, name in enumerate(("X", "y")))
    if target is not None and hasattr(estimator, "score"):
        run.log_metric("training_score", estimator.score(rows, target))


def _patch_lightgbm(experiment: str, environment: str | None) -> None:
    try:
        import lightgbm
        import lightgbm.sklearn
    except ImportError:
        return
    new = _train(lightgbm.engine.train, experiment, environment)
    for module in (lightgbm, lightgbm.engine, lightgbm.sklearn):
        _put(module, "train", new)


def _train(original: Callable[..., Any], experiment: str, environment: str | None) -> Callable[..., Any]:
    @functools.wraps(original)
    def train(params: Any, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - LightGBM's own
        with _tracked("lightgbm", experiment, environment) as own:
            run = own or _OF_LIGHTGBM.get()
            if run is None:
                return original(params, *given, **named)
            if own is not None:  # else its estimator's params are logged
                rounds = given[1] if len(given) > 1 else named.get("num_boost_round")
                _quietly(run.log_params, _told({**params, **({} if rounds is None else {"num_boost_round": rounds})}))
            named["callbacks"] = [*(named.get("callbacks") or ()), _Iterations(run)]
            booster = original(params, *given, **named)
            _quietly(lambda: run.log_artifact(booster.model_to_string().encode(), "model.txt"))
            return booster

    return train


class _Iterations:
    """LightGBM's callback after each iteration."""

    order = 15
    before_iteration = False

    def __init__(self, run: Run) -> None:
        self.run = run

    def __call__(self, env: Any) -> None:  # noqa: ANN401 - LightGBM's CallbackEnv
        measured = {f"{item[0]}.{item[1]}": item[2] for item in env.evaluation_result_list or ()}
        if measured:
            _quietly(self.run.step, env.iteration, measured)


@contextmanager
def _tracked(name: str, experiment: str, environment: str | None) -> Iterator[Run | None]:
    """The run that an outermost fit is logged into; None within another fit, or where none can be had."""
    if not _FITTING.acquire(blocking=False):
        yield None
        return
    try:
        active = ACTIVE.get()
        own = None if active is not None else _quietly(Run(experiment, name=name, environment=environment).__enter__)
        try:
            yield active or own
        except BaseException as error:
            if own is not None:
                _quietly(own.__exit__, type(error), error, error.__traceback__)
            raise
        if own is not None:
            _quietly(own.__exit__, None, None, None)
    finally:
        _FITTING.release()


def _told(params: Mapping[str, Any]) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None))
    return {str(name): value if isinstance(value, plain) else repr(value)[:_LONGEST] for name, value in params.items()}


def _quietly(act: Callable[..., Any], *given: Any) -> Any:  # noqa: ANN401 - what it gives
    """What a call gives; None and a warning where it fails, even where warnings are made errors."""
    try:
        return act(*given)
    except Exception as error:  # noqa: BLE001 - tracking never breaks a fit
        try:
            warnings.warn(f"headrace.autolog: this is not tracked: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=3)
        except RuntimeWarning:
            return None
        return None
