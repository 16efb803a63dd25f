"""What stands in an algorithm's parameters beyond values: other algorithms with theirs, and functions of the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.hooks import Algorithm, Plugins, resolve
from headrace.hooks.composed import Chosen, named
from headrace.hooks.contracts import Takes
from headrace.hooks.reference import UnknownReferenceError, find, mismatch
from headrace.project.rules import plugins as registered
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import ANSWERS
from headrace.spec import Model
from headrace.spec.params import read_params
from headrace.spec.place import keys
from headrace.spec.wording import listed


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models: what they are made by, and what they are compared with."""
    if scope.plugins is None:
        return
    for model in scope.of(Model):
        yield from _training(scope, scope.plugins, model)
        yield from _baseline(scope, scope.plugins, model)
        yield from _choices(scope, scope.plugins, model)


@question
def _training(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    chosen = Chosen(model.training.algorithm, model.training.params, ("training",))
    yield from _inside(scope, plugins, model, chosen)


@question
def _baseline(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    baseline = model.training.baseline
    if baseline is not None:
        yield from _inside(scope, plugins, model, Chosen(baseline.algorithm, baseline.params, ("training", "baseline")))


@question
def _choices(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    """What a search chooses among are values of the parameter: else each trial with one of them would fail, and nothing else say so."""
    training = model.training
    known = plugins.algorithms.get(training.algorithm)
    if training.tune is None or known is None or _settings(known, training.params) is None:
        return
    said = {fault.message for fault in _inside(scope, plugins, model, Chosen(training.algorithm, training.params, ("training",)))}
    for name, values in training.tune.space.items():
        for position, value in enumerate(values.choice or ()):
            place = scope.where(address_of(model), ("training", "tune", "space", name, "choice", position))
            chosen = Chosen(training.algorithm, {**training.params, name: value}, ("training",))
            if name in keys(resolve(known.params)) and _settings(known, chosen.params) is None:
                message = f"`{json.dumps(value)}` cannot be `{name}` of `{known.name}`"
                yield Diagnostic("tune-range", message, place, help=f"leave it out, or write what `{name}` can be")
            elif known.python or known.components is not None:
                found = _inside(scope, plugins, model, chosen)
                yield from (replace(fault, span=place) for fault in found if fault.message not in said)


@question
def _inside(scope: Scope, plugins: Plugins, model: Model, chosen: Chosen) -> Iterator[Diagnostic]:
    """What is wrong within the parameters, once these are what the algorithm takes."""
    known = plugins.algorithms.get(chosen.algorithm)
    settings = _settings(known, chosen.params) if known is not None and (known.python or known.components is not None) else None
    if known is None or settings is None:
        return
    if known.python:
        yield from _function(scope, model, chosen, settings)
    if known.components is not None:
        for part in named(settings):
            yield from _part(scope, plugins, model, known, replace(part, path=(*chosen.path, "params", *part.path)))


def _settings(known: Algorithm, params: Mapping[str, Any]) -> BaseModel | None:
    """The parameters; None where another rule has said what is wrong with them."""
    try:
        settings: BaseModel = read_params(resolve(known.params), params)
    except (ValidationError, TypeError):
        return None
    return settings


@question
def _part(scope: Scope, plugins: Plugins, model: Model, whole: Algorithm, part: Chosen) -> Iterator[Diagnostic]:
    yield from registered.algorithm(scope, plugins, model, part.path, part)
    known = plugins.algorithms.get(part.algorithm)
    if known is None:
        return
    if known.task != whole.task or known.components is not None:
        place = scope.where(address_of(model), (*part.path, "algorithm"))
        able = [name for name, item in plugins.algorithms.items() if item.task == whole.task and item.components is None]
        message = f"`{known.name}` answers {ANSWERS[known.task]}, and `{whole.name}` {ANSWERS[whole.task]}"
        if known.components is not None:
            message = f"`{known.name}` is made of others, and cannot be a part of `{whole.name}`"
        yield Diagnostic("wrong-task", message, place, help=f"those that fit are {listed(able)}")
    elif known.python:
        yield from _inside(scope, plugins, model, part)


def _searched(model: Model, chosen: Chosen, settings: BaseModel) -> Iterator[str]:
    """What a search gives the function of the model's own algorithm, beside what is written."""
    if tuple(chosen.path) == ("training",) and model.training.tune is not None:
        yield from (name for name in model.training.tune.space if name not in type(settings).model_fields)


@question
def _function(scope: Scope, model: Model, chosen: Chosen, settings: BaseModel) -> Iterator[Diagnostic]:
    """The function stands, read from its text, and takes what it is given."""
    python, given = str(getattr(settings, "python", "")), sorted({*(settings.model_extra or {}), *_searched(model, chosen, settings)})
    path: Path = (*chosen.path, "params", "python")
    place = scope.where(address_of(model), path)
    root = scope.root.resolve() if scope.root is not None else FilePath()
    try:
        found = find(python, (root,))
    except UnknownReferenceError as error:
        help_ = "write `module:function`; modules are looked for in the project's folder, then among what is installed"
        yield Diagnostic("unknown-function", f"`{chosen.algorithm}`: {str(error).replace(f'{root}/', '')}", place, help=help_)
        return
    why = mismatch(found, Takes(0, frozenset(given)))
    if why is not None:
        told = f"`{'`, `'.join(given)}` by name" if given else "nothing"
        message = f"`{chosen.algorithm}`: `{python}` cannot be called with {told}: {why}"
        yield Diagnostic("wrong-signature", message, place, help=f"write `def {python.rpartition(':')[2]}({', '.join(given)}):`")
