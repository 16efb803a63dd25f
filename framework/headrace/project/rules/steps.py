"""A user's own steps: their functions stand and can be called so, read from their text; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from headrace.diagnostics import Diagnostic
from headrace.hooks.contracts import Takes
from headrace.hooks.reference import UnknownReferenceError, find, mismatch
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.steps import CustomStep

_TAKES = {"features": (Takes(1), "the rows"), "training": (Takes(2), "the candidate and its held-out rows")}


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All steps of all models."""
    for model in scope.of(Model):
        yield from _steps(scope, model)
        yield from _functions(scope, model)


@question
def _steps(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, step in enumerate(model.steps):
        yield from _step(scope, model, position, step)


@question
def _functions(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for position, step in enumerate(model.steps):
        name = step.id.replace("-", "_")
        # The same id twice is told by another rule.
        if seen.get(name, step.id) != step.id:
            place = scope.where(address_of(model), ("steps", position, "id"))
            message = f"steps `{seen[name]}` and `{step.id}` would both be the Python function `{name}`"
            yield Diagnostic("duplicate-id", message, place, help="rename one of them")
        seen.setdefault(name, step.id)


@question
def _step(scope: Scope, model: Model, position: int, step: CustomStep) -> Iterator[Diagnostic]:
    place = scope.where(address_of(model), ("steps", position, "python"))
    if step.after == "gates":
        return  # told to be for later
    takes, given = _TAKES[step.after]
    takes = replace(takes, keywords=frozenset(step.params))
    root = scope.root.resolve() if scope.root is not None else Path()
    try:
        found = find(step.python, (root,))
    except UnknownReferenceError as error:
        told = str(error).replace(f"{root}/", "")
        help_ = "write `module:function`; modules are looked for in the project's folder, then among what is installed"
        yield Diagnostic("unknown-function", f"step `{step.id}`: {told}", place, help=help_)
        return
    why = mismatch(found, takes)
    if why is not None:
        file = found.path.relative_to(root).as_posix() if found.path is not None and found.path.is_relative_to(root) else found.path
        message = f"step `{step.id}`: `{step.python}` cannot be called with {given}: {why} ({file}:{found.line})"
        arguments = ", ".join(["rows" if step.after == "features" else "candidate, held_out", *sorted(step.params)])
        yield Diagnostic("wrong-signature", message, place, help=f"write `def {step.python.rpartition(':')[2]}({arguments}):`")
