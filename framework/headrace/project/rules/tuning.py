"""A search for parameters has a goal, and searches what the algorithm has, by a method that can."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Severity
from headrace.hooks import resolve
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.place import keys
from headrace.spec.training import Range, Tune
from headrace.spec.wording import nearest

_NEEDS = {"groups": "groups", "latency": "the time that answers take", "noise": "answers to rows with noise"}
_BETTER = {"maximize": "higher", "minimize": "lower"}


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models that are tuned."""
    for model in scope.of(Model):
        yield from _tune(scope, model)


@question
def _tune(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    tune = model.training.tune
    if tune is not None:
        yield from _goal(scope, model, tune)
        yield from _direction(scope, model, tune)
        yield from _parameters(scope, model, tune)
        yield from _ranges(scope, model, tune)
        yield from _grid(scope, model, tune)
        yield from _one_axis(scope, model, tune)


@question
def _ranges(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    for name, values in tune.space.items():
        yield from _range(scope, model, name, values)


@question
def _goal(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("training", "tune")
    goals = tune.goals
    if not goals:
        place = scope.where(here, path, key=True)
        yield Diagnostic(
            "tune-goal",
            "`tune` has neither `maximize` nor `minimize`: a search has a goal",
            place,
            help="write for example `maximize: roc_auc`",
        )
    for position, (_, metric, where) in enumerate(goals):
        if metric in [other for _, other, _ in goals[:position]]:
            message = f"`tune` has the goal `{metric}` twice"
            yield Diagnostic("tune-goal", message, scope.where(here, (*path, *where)), help=f"remove one `{metric}`")


@question
def _direction(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    for word, name, where in tune.goals:
        metric = scope.plugins.metrics.get(name) if scope.plugins is not None else None
        place = scope.where(address_of(model), ("training", "tune", *where), key=len(where) == 1)
        if metric is not None and metric.needs in _NEEDS:
            message = f"`{name}` needs {_NEEDS[metric.needs]}, which a fold of a search has not"
            yield Diagnostic(
                "tune-goal", message, place, help="search by a metric of answers, such as `roc_auc`, and judge this one by a gate"
            )
        elif metric is not None and metric.better != _BETTER[word]:
            right = "minimize" if word == "maximize" else "maximize"
            message = f"`{metric.name}` is better when it is {metric.better}, and `tune` would {word} it"
            yield Diagnostic("gate-direction", message, place, help=f"write `{right}: {metric.name}`", severity=Severity.WARNING)


@question
def _grid(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    """A grid is of values that can be counted."""
    for name, values in tune.space.items() if tune.sampler.by == "grid" else ():
        if values.float_ is not None:
            place = scope.where(address_of(model), ("training", "tune", "space", name, "float"), key=True)
            message = f"a grid cannot try all numbers of `{name}`"
            yield Diagnostic("tune-range", message, place, help="write them as a `choice`, or take another sampler")


@question
def _one_axis(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    """A method that knows numbers only has one to search."""
    if tune.sampler.by == "cmaes" and all(values.choice is not None for values in tune.space.values()):
        place = scope.where(address_of(model), ("training", "tune", "sampler", "by"))
        yield Diagnostic("tune-range", "`cmaes` searches numbers, and the space has none", place, help="write `by: tpe`")


@question
def _parameters(scope: Scope, model: Model, tune: Tune) -> Iterator[Diagnostic]:
    algorithm = scope.plugins.algorithms.get(model.training.algorithm) if scope.plugins is not None else None
    if algorithm is None:
        return
    try:
        params = resolve(algorithm.params)
    except (Exception, SystemExit):  # noqa: BLE001 - a plugin's module may raise anything, and `plugins` has said so
        return
    if not (isinstance(params, type) and issubclass(params, BaseModel)) or params.model_config.get("extra") == "allow":
        return
    for name in tune.space:
        if name not in keys(params):
            meant = nearest(name, keys(params))
            yield Diagnostic(
                "unknown-parameter",
                f"`{algorithm.name}` has no parameter `{name}`",
                scope.where(address_of(model), ("training", "tune", "space", name), key=True),
                caret=f"did you mean `{meant}`?" if meant else None,
                help=f"write `{meant}`" if meant else f"its parameters are {', '.join(keys(params))}",
                replacement=meant,
            )


@question
def _range(scope: Scope, model: Model, name: str, values: Range) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("training", "tune", "space", name)
    given = {"int": values.int_, "float": values.float_, "choice": values.choice}
    words: list[str] = [word for word, value in given.items() if value is not None]
    if len(words) != 1:
        said = f"has {' and '.join(f'`{word}`' for word in words)}" if words else "says nothing"
        place = scope.where(here, (*path, *words[1:2]), key=True)
        yield Diagnostic(
            "tune-range", f"the range of `{name}` {said}: write one of `int`, `float`, `choice`", place, help="`int: [15, 255]`"
        )
        return
    bounds, where = values.int_ or values.float_, (*path, words[0])
    if bounds is not None and bounds[0] >= bounds[1]:
        message = f"the range of `{name}` is empty: {bounds[0]:g} is not less than {bounds[1]:g}"
        yield Diagnostic("empty-range", message, scope.where(here, where, key=True), help="write the least value first")
    elif values.log and (bounds is None or bounds[0] <= 0):
        why = "a choice has no orders of magnitude" if bounds is None else f"{bounds[0]:g} has no logarithm"
        log: Path = (*path, "log")
        yield Diagnostic("tune-range", f"`log` of `{name}`: {why}", scope.where(here, log, key=True), help="remove `log`, or begin above 0")
