"""What needs a server has one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.serving import Replicas, Serving


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Rollouts and monitoring of models that never answer."""
    for model in scope.of(Model):
        yield from _served(scope, model)
        for section in ("rollout", "experiment", "monitoring"):
            yield from _needs(scope, model, section)


@question
def _served(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if isinstance(model.serving, Serving) and model.serving.replicas is not None:
        yield from _replicas(scope, model, model.serving.replicas)


@question
def _needs(scope: Scope, model: Model, section: str) -> Iterator[Diagnostic]:
    if model.serving == "none" and getattr(model, section) is not None:
        place = scope.where(address_of(model), (section,), key=True)
        message = f"`{section}` needs requests, and {address_of(model)} says `serving: none`"
        yield Diagnostic("needs-serving", message, place, help=f"remove `{section}`, or let it serve")


@question
def _replicas(scope: Scope, model: Model, replicas: Replicas) -> Iterator[Diagnostic]:
    if replicas.min > replicas.max:
        place = scope.where(address_of(model), ("serving", "replicas", "min"))
        message = f"at least {replicas.min} replicas are more than at most {replicas.max}"
        yield Diagnostic("empty-range", message, place, help=f"write `max: {replicas.min}` or more")
