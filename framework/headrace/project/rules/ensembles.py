"""An ensemble's members are different models of one task that answer."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Ensemble, Model


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All ensembles."""
    for ensemble in scope.of(Ensemble):
        yield from _twice(scope, ensemble)
        yield from _targets(scope, ensemble)


@question
def _twice(scope: Scope, ensemble: Ensemble) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for position, member in enumerate(ensemble.members):
        first = seen.setdefault(member.model, position)
        if first != position:
            place, other = (scope.where(address_of(ensemble), ("members", at, "model")) for at in (position, first))
            message = f"{member.model} is a member twice: its weight says how much it counts"
            yield Diagnostic("duplicate-member", message, place, help="remove one, and write `weight: 2`", related=(other,))


@question
def _targets(scope: Scope, ensemble: Ensemble) -> Iterator[Diagnostic]:
    found = [(i, model) for i, member in enumerate(ensemble.members) if (model := scope.get(Model, member.model)) is not None]
    for position, model in found[1:]:
        first = found[0][1]
        ours, theirs = (m.features.target.column for m in (model, first))
        if ours != theirs:
            place = scope.where(address_of(ensemble), ("members", position, "model"))
            message = f"{address_of(model)} predicts `{ours}`, and {address_of(first)} predicts `{theirs}`: their answers have no mean"
            related = (scope.where(address_of(model), ("features", "target", "column")),)
            yield Diagnostic("mixed-targets", message, place, help="combine models of one target", related=related)
