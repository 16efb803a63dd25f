"""The memory of a search: Optuna's study in a database of its own; trials are told to it as they run, and lost ones come back from it."""

from __future__ import annotations

import math
import os
import random
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, assert_never

from headrace.training.search.memory import Memory
from headrace.training.search.values import Choice, FloatRange, IntRange, Search, State, Trial, Values

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

HEARTBEAT = 5
"""Seconds between two signs of life of a running trial."""
GRACE = 30
"""Seconds without one, after which its process is taken for dead."""
_TELLING = 4
"""Of fewer complete trials nobody can say which parameter matters."""
_GRID = 100_000
"""How many combinations of a grid are put in order, at most."""
TRIES = 3
"""How often the same parameters are tried, where the process that tries them is killed."""
_DEFAULTS, _PARAMS, _FOLDS, _REASON, _AGAIN, _TRIES, _OWNER = "defaults", "params", "folds", "reason", "again", "tries", "owner"
_DRIVERS = "drivers"
"""How often the study was taken up."""
_APART = 1_000_003
"""How far the seeds of two that took it up lie apart: further than there are trials."""
_SEEDS = 2**32


class Study:
    """One search, open. Every change of a trial is written before it is acted upon, so a kill loses nothing."""

    def __init__(self, memory: Memory, name: str, search: Search, defaults: dict[str, Any], *, drives: bool = True) -> None:
        """Open it, or make it; without `drives` what it holds is only read."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._values = dict(sorted(search.space.items()))
        self._space = {key: _distribution(values) for key, values in self._values.items()}
        self._alone = memory.alone
        self._single = len(search.objectives) == 1
        # Two processes that make the tables at once would each find them half made.
        with _quiet(), memory.making():
            self._storage = optuna.storages.RDBStorage(
                memory.url,
                engine_kwargs=memory.engine,
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=lambda _, trial: self._again(trial),
            )
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                directions=["maximize" if item.better == "higher" else "minimize" for item in search.objectives],
                load_if_exists=True,
            )
        self._defaults = defaults
        self._pruner = search.pruner.by
        self._grid = list(grid(search)) if search.sampler.by == "grid" else None
        if not drives:
            return
        self.recover()
        with self._alone(), _quiet():
            # Two samplers of the same seed would ask for the same, whether one began after the other or both at once.
            before = int(self._study.user_attrs.get(_DRIVERS, 0))
            self._study.set_user_attr(_DRIVERS, before + 1)
            seed = search.sampler.seed + len(self._study.get_trials(deepcopy=False)) + before * _APART
            self._study.sampler = _sampler(search, seed % _SEEDS)
            self._study.pruner = _pruner(search) if self._single else optuna.pruners.NopPruner()
            if not any(trial.user_attrs.get(_DEFAULTS) for trial in self._study.get_trials(deepcopy=False)):
                inside = {key: value for key, value in defaults.items() if key in self._space and _holds(self._space[key], value)}
                self._study.enqueue_trial(inside, user_attrs={_DEFAULTS: True})

    def take(self, trials: int) -> tuple[optuna.Trial, dict[str, Any]] | None:
        """The next trial of so many, as `ask` gives it; None where none is left, whoever else takes from the same study."""
        if not self.left(trials):
            return None
        with self._alone():
            return self.ask() if self.left(trials) else None

    def ask(self) -> tuple[optuna.Trial, dict[str, Any]]:
        """The next trial, and the parameters that it sets: what was lost before anything new."""
        from optuna.trial import TrialState

        if self._grid is not None and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.enqueue_trial(self._untried()[0])
        with _quiet():
            trial = self._study.ask()
        self.alive([trial])  # without a first sign of life nobody elsewhere could miss the next one
        trial.set_user_attr(_OWNER, _owner())
        if trial.user_attrs.get(_DEFAULTS):
            # Those of the spec as they stand, which may lie outside of the ranges; the sampler learns of those that lie within.
            for key, distribution in self._space.items():
                if key in self._defaults and _holds(distribution, self._defaults[key]):
                    _suggest(trial, key, self._values[key])
            trial.set_user_attr(_PARAMS, {})
            return trial, {}
        params = {key: _suggest(trial, key, values) for key, values in self._values.items()}
        trial.set_user_attr(_PARAMS, params)
        return trial, params

    def fold(self, trial: optuna.Trial, values: Sequence[float], *, last: bool) -> bool:
        """Write down one more fold; whether the trial shall go on. The spec's own parameters always do: they are what others must beat."""
        folds = [*trial.user_attrs.get(_FOLDS, []), list(values)]
        trial.set_user_attr(_FOLDS, folds)
        if not self._single:
            return True
        # Wilcoxon's test compares fold with fold, the others how a trial stands so far.
        told = values[0] if self._pruner == "wilcoxon" else _mean([fold[0] for fold in folds])
        trial.report(told, len(folds) - 1)
        return last or bool(trial.user_attrs.get(_DEFAULTS)) or not trial.should_prune()

    def complete(self, trial: optuna.Trial) -> None:
        """The trial is worth the mean of its folds."""
        folds = trial.user_attrs[_FOLDS]
        self._study.tell(trial, [_mean([fold[axis] for fold in folds]) for axis in range(len(folds[0]))])

    def prune(self, trial: optuna.Trial) -> None:
        """The trial was given up."""
        from optuna.trial import TrialState

        trial.set_user_attr(_REASON, f"no better than the others after {len(trial.user_attrs[_FOLDS])} folds")
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: optuna.Trial, reason: str) -> None:
        """The trial failed by its own parameters, or its time was over; it is not tried again."""
        from optuna.trial import TrialState

        trial.set_user_attr(_REASON, reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def lose(self, trial: optuna.Trial, reason: str) -> None:
        """The trial's process was killed: its parameters are tried again."""
        self._lose(trial.number, reason)

    def alive(self, trials: Sequence[optuna.Trial]) -> None:
        """Say that these trials run."""
        for trial in trials:
            self._storage.record_heartbeat(trial._trial_id)  # noqa: SLF001 - what Optuna's own loop does

    def holds(self, trial: optuna.Trial) -> bool:
        """Whether the trial is still ours: who was silent for too long is taken for dead, and its parameters are tried elsewhere."""
        from optuna.trial import TrialState

        self.alive([trial])
        return bool(self._study.get_trials(deepcopy=False)[trial.number].state is TrialState.RUNNING)

    def left(self, trials: int) -> int:
        """How many more may begin, of so many: lost ones do not count, and a grid has only what it has."""
        from optuna.trial import TrialState

        there = self._study.get_trials(deepcopy=False)
        lost = _lost(there)
        begun = sum(trial.number not in lost and trial.state is not TrialState.WAITING for trial in there)
        if self._grid is None:
            return max(0, trials - begun)
        waiting = sum(trial.state is TrialState.WAITING for trial in there)
        return max(0, min(trials - begun, waiting + len(self._untried())))

    def trials(self) -> list[Trial]:
        """All that have ended, by number."""
        trials = self._study.get_trials(deepcopy=False)
        lost = _lost(trials)
        return [_told(trial, lost=trial.number in lost) for trial in trials if trial.state.is_finished()]

    def importance(self) -> dict[str, float] | None:
        """How much of the first objective's variation each parameter explains (fANOVA, Hutter 2014); None of too few complete trials."""
        import optuna

        if len(self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))) < _TELLING:
            return None
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        with suppress(ValueError, RuntimeError, ZeroDivisionError):
            found = optuna.importance.get_param_importances(self._study, evaluator=evaluator, target=lambda trial: trial.values[0])
            return {key: float(value) for key, value in found.items()}
        return None

    def _untried(self) -> list[dict[str, Any]]:
        """What of the grid has no trial yet, not even one that waits."""
        there = [trial.params or trial.system_attrs.get("fixed_params", {}) for trial in self._study.get_trials(deepcopy=False)]
        return [params for params in self._grid or () if params not in there]

    def close(self) -> None:
        """Give the connections back."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def recover(self) -> None:
        """End the trials whose processes are no more, and try their parameters again."""
        import optuna
        from optuna.trial import TrialState

        # One process at a time: two that find the same trial would try its parameters twice.
        with self._alone(), _quiet():
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                if _gone(trial.user_attrs.get(_OWNER)):
                    self._lose(trial.number, "the run that tried it was killed")
            # Those of another machine are known by their heartbeats alone.
            optuna.storages.fail_stale_trials(self._study)

    def running(self) -> int:
        """How many trials run, here or elsewhere."""
        from optuna.trial import TrialState

        return len(self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))

    def _lose(self, number: int, reason: str) -> None:
        from optuna.trial import TrialState

        frozen = self._study.get_trials(deepcopy=False)[number]
        self._storage.set_trial_user_attr(frozen._trial_id, _REASON, reason)  # noqa: SLF001 - a study has no word for trials of the dead
        # In this order: a kill between the two tries the parameters once too often, and never forgets them.
        self._again(frozen)
        self._study.tell(number, state=TrialState.FAIL)

    def _again(self, trial: FrozenTrial) -> None:
        """Put its parameters first in the row once more; a trial that was tried so often has failed."""
        tries = int(trial.user_attrs.get(_TRIES, 1))
        if tries >= TRIES or not (trial.params or trial.user_attrs.get(_DEFAULTS)):
            return
        attrs = {_AGAIN: trial.number, _TRIES: tries + 1} | ({_DEFAULTS: True} if trial.user_attrs.get(_DEFAULTS) else {})
        self._study.enqueue_trial(trial.params, user_attrs=attrs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's warnings that heartbeats and some samplers may change in a later version, and that its own loop has heartbeats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _lost(trials: Sequence[FrozenTrial]) -> set[int]:
    """Those whose parameters were tried again, and those that ended before they had any."""
    again = {trial.user_attrs[_AGAIN] for trial in trials if _AGAIN in trial.user_attrs}
    return again | {trial.number for trial in trials if trial.state.is_finished() and not (trial.params or _PARAMS in trial.user_attrs)}


def _suggest(trial: optuna.Trial, key: str, values: Values) -> Any:  # noqa: ANN401 - one of the values
    match values:
        case IntRange(low, high, log):
            return trial.suggest_int(key, low, high, log=log)
        case FloatRange(low, high, log):
            return trial.suggest_float(key, low, high, log=log)
        case Choice(choices):
            return trial.suggest_categorical(key, list(choices))
        case _:
            assert_never(values)


def _distribution(values: Values) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match values:
        case IntRange(low, high, log):
            return IntDistribution(low, high, log=log)
        case FloatRange(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choice(choices):
            return CategoricalDistribution(tuple(choices))
        case _:
            assert_never(values)


def _holds(distribution: BaseDistribution, value: object) -> bool:
    try:
        held: bool = distribution._contains(distribution.to_internal_repr(value))  # noqa: SLF001 - no public way asks it
    except (TypeError, ValueError):
        return False
    return held


def grid(search: Search) -> Iterator[dict[str, Any]]:
    """As many combinations of the grid as the budget has trials, in an order that the seed alone decides."""
    axes = [(key, _counted(values)) for key, values in sorted(search.space.items())]
    size = math.prod(len(values) for _, values in axes)
    for number in random.Random(search.sampler.seed).sample(range(size), min(size, _GRID))[: search.trials]:
        rest, params = number, {}
        for key, values in axes:
            rest, position = divmod(rest, len(values))
            params[key] = values[position]
        yield params


def _counted(values: Values) -> Sequence[Any]:
    match values:
        case IntRange(low, high):
            return range(low, high + 1)
        case Choice(choices):
            return choices
        case _:
            raise AssertionError(values)  # a rule of `project` refuses it


def _sampler(search: Search, seed: int) -> BaseSampler:
    from optuna import samplers

    match search.sampler.by:
        case "tpe":
            return samplers.TPESampler(seed=seed, constant_liar=search.workers > 1)
        case "random" | "grid":  # all of a grid's trials are put in the row
            return samplers.RandomSampler(seed=seed)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        case "qmc":
            return samplers.QMCSampler(seed=search.sampler.seed, scramble=True)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed)
        case _:
            assert_never(search.sampler.by)


def _pruner(search: Search) -> BasePruner:
    from optuna import pruners

    match search.pruner.by:
        case "median":
            return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0)
        case "hyperband":
            return pruners.HyperbandPruner(min_resource=1)
        case "wilcoxon":
            return pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
        case "none":
            return pruners.NopPruner()
        case _:
            assert_never(search.pruner.by)


def _owner() -> dict[str, Any]:
    """This process, so that another one can ask whether it is still there."""
    import psutil

    return {"host": socket.gethostname(), "pid": os.getpid(), "since": psutil.Process().create_time()}


def _gone(owner: dict[str, Any] | None) -> bool:
    """Whether a process of this machine is no more; one of another machine may live."""
    import psutil

    if owner is None:
        return True
    if owner["host"] != socket.gethostname():
        return False
    try:
        began: float = psutil.Process(owner["pid"]).create_time()
    except psutil.NoSuchProcess:
        return True
    return abs(began - float(owner["since"])) > 1


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _told(trial: FrozenTrial, *, lost: bool) -> Trial:
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    attrs = trial.user_attrs
    taken = trial.duration.total_seconds() if trial.duration is not None else 0.0
    return Trial(
        number=trial.number,
        state="lost" if lost else states[trial.state],
        params=dict(attrs.get(_PARAMS, trial.params)),
        values=list(trial.values) if trial.state is TrialState.COMPLETE else None,
        folds=list(attrs.get(_FOLDS, [])),
        seconds=taken,
        defaults=bool(attrs.get(_DEFAULTS)),
        again=attrs.get(_AGAIN),
        reason=attrs.get(_REASON),
    )
