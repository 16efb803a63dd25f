"""A transform takes inputs that the model has, or that a transform before it has made, of the kind that it is for; a text needs one."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.training import Transformation


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All steps of all models."""
    for model in scope.of(Model):
        for position, step in enumerate(model.training.transforms):
            yield from _columns(scope, model, position, step)
        yield from _texts(scope, model)


@question
def _texts(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    """No algorithm takes a text: the first transform that takes texts and names it, or names none, makes numbers of it."""
    if scope.plugins is None or not known(scope, model):
        return
    known_steps = [(step, scope.plugins.transforms.get(step.transform)) for step in model.training.transforms]
    if any(kind is None for _, kind in known_steps):
        return
    taking = [step for step, kind in known_steps if kind is not None and kind.of == "text"]
    here = address_of(model)
    for item in inputs(scope, model):
        if item.type != "text" or any(step.columns is None or item.name in step.columns for step in taking):
            continue
        step = f"{{id: words, transform: tfidf, columns: [{item.name}]}}"
        written = f"add `{step}` to `training.transforms`" if model.training.transforms else f"write `transforms: [{step}]` in `training`"
        place = scope.where(here, item.path or ("features", "use", item.view), key=item.path is None)
        message = f"`{item.name}` is a text, and no transform makes numbers of it"
        yield Diagnostic("untransformed-text", message, place, help=f"{written}, or give its column the type `category`")


@question
def _columns(scope: Scope, model: Model, position: int, step: Transformation) -> Iterator[Diagnostic]:
    if step.columns is None or not known(scope, model):
        return
    kinds = {item.name: item.type for item in inputs(scope, model)}
    kind = scope.plugins.transforms.get(step.transform) if scope.plugins is not None else None
    for place, column in enumerate(step.columns):
        path = ("training", "transforms", position, "columns", place)
        if column not in kinds and not _made(scope, model, column, position, list(kinds)):
            yield unknown_feature(scope, address_of(model), path, column, list(kinds))
        elif kind is not None and _other(kinds.get(column), kind.of) and not _changed(column, model, position):
            fits = [name for name, held in kinds.items() if not _other(held, kind.of)]
            wanted = "number or a category" if kind.of == "any" else kind.of
            yield Diagnostic(
                "wrong-column-type",
                f"`{step.transform}` takes a {wanted}, and `{column}` is a {kinds[column]}",
                scope.where(address_of(model), path),
                help=f"a {wanted} is: {', '.join(fits) or 'none of the inputs'}",
            )


def _other(held: str | None, of: str) -> bool:
    """Whether an input is of another kind than a transform is for."""
    return held is not None and (held == "text" if of == "any" else held != of)


def _changed(column: str, model: Model, position: int) -> bool:
    """Whether a step before may have made something else of an input under its own name."""
    return any(before.columns is None or column in before.columns for before in model.training.transforms[:position])


def _made(scope: Scope, model: Model, column: str, position: int, names: list[str]) -> bool:
    """Whether a step before may have made it: of an input `region` `one_hot` makes `region_north`, and `impute` `region_missing`."""
    known = scope.plugins.transforms if scope.plugins is not None else {}
    makers = [known.get(step.transform) for step in model.training.transforms[:position]]
    patterns = [pattern for maker in makers for pattern in (maker.makes if maker is not None else ("*",))]
    return any(fnmatchcase(column, pattern.replace("{input}", name)) for pattern in patterns for name in names)
