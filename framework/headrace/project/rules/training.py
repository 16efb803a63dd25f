"""What training is asked for beyond an algorithm: folds that do not leak, groups that are there, stopping that the algorithm can."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs, known
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.quantity import write_duration
from headrace.spec.training import GroupCv, TimeCv
from headrace.spec.wording import listed, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models."""
    for model in scope.of(Model):
        yield from _gap(scope, model)
        yield from _group(scope, model)
        yield from _stopping(scope, model)


@question
def _gap(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here, cv, delay = address_of(model), model.training.cv, model.features.target.delay
    if isinstance(cv, TimeCv) and cv.gap < delay:
        gap, needed = write_duration(cv.gap), write_duration(delay)
        yield Diagnostic(
            "leaky-split",
            f"the folds' gap {gap} is shorter than the answers' delay {needed}: training would see answers of the time of a fold",
            scope.where(here, ("training", "cv", "gap")),
            help=f"write `gap: {needed}`",
            replacement=needed,
            related=(scope.where(here, ("features", "target", "delay")),),
        )


@question
def _group(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    cv = model.training.cv
    if not isinstance(cv, GroupCv) or cv.group is None or not known(scope, model):
        return
    group = model.features.group
    there = [model.features.entity, *([group] if group is not None else []), *(item.name for item in inputs(scope, model))]
    if cv.group not in there:
        meant = nearest(cv.group, there)
        yield Diagnostic(
            "unknown-column",
            f"the training rows of model/{model.name} have no column `{cv.group}` to be grouped by",
            scope.where(address_of(model), ("training", "cv", "group")),
            caret=f"did you mean `{meant}`?" if meant else None,
            help=f"write `{meant}`" if meant else f"name the entity or a feature that the model uses: {listed(there)}",
            replacement=meant,
        )


@question
def _stopping(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    algorithm = scope.plugins.algorithms.get(model.training.algorithm) if scope.plugins is not None else None
    if model.training.early_stopping is not None and algorithm is not None and not algorithm.watched:
        watched = sorted(name for name, item in scope.plugins.algorithms.items() if item.watched) if scope.plugins is not None else []
        yield Diagnostic(
            "not-watched",
            f"`{algorithm.name}` does not train step by step: it cannot be stopped early",
            scope.where(address_of(model), ("training", "early_stopping"), key=True),
            help=f"remove `early_stopping`, or choose {listed(watched)}" if watched else "remove `early_stopping`",
        )
