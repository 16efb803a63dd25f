"""A transform takes inputs that the model has, or that a transform before it has made, of the kind that it is for."""

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
        elif kind is not None and kind.of != "any" and kinds.get(column, kind.of) != kind.of and not _changed(column, model, position):
            fits = [name for name, held in kinds.items() if held == kind.of]
            yield Diagnostic(
                "wrong-column-type",
                f"`{step.transform}` takes a {kind.of}, and `{column}` is a {kinds[column]}",
                scope.where(address_of(model), path),
                help=f"a {kind.of} is: {', '.join(fits) or 'none of the inputs'}",
            )


def _changed(column: str, model: Model, position: int) -> bool:
    """Whether a step before may have made something else of an input under its own name."""
    return any(before.columns is None or column in before.columns for before in model.training.transforms[:position])


def _made(scope: Scope, model: Model, column: str, position: int, names: list[str]) -> bool:
    """Whether a step before may have made it: of an input `region` `one_hot` makes `region_north`, and `impute` `region_missing`."""
    known = scope.plugins.transforms if scope.plugins is not None else {}
    makers = [known.get(step.transform) for step in model.training.transforms[:position]]
    patterns = [pattern for maker in makers for pattern in (maker.makes if maker is not None else ("*",))]
    return any(fnmatchcase(column, pattern.replace("{input}", name)) for pattern in patterns for name in names)
