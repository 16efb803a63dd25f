"""What needs a server has one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of
from headrace.spec import Model
from headrace.spec.serving import Replicas, Serving


def check(scope: Scope) -> Iterator[Diagnostic]:
    """Rollouts and monitoring of models that never answer."""
    for model in scope.of(Model):
        if isinstance(model.serving, Serving) and model.serving.replicas is not None:
            yield from _replicas(scope, model, model.serving.replicas)
        if model.serving != "none":
            continue
        for section in ("rollout", "experiment", "monitoring"):
            if getattr(model, section) is not None:
                place = scope.where(address_of(model), (section,), key=True)
                message = f"`{section}` needs requests, and {address_of(model)} says `serving: none`"
                yield Diagnostic("needs-serving", message, place, help=f"remove `{section}`, or let it serve")


def _replicas(scope: Scope, model: Model, replicas: Replicas) -> Iterator[Diagnostic]:
    if replicas.min > replicas.max:
        place = scope.where(address_of(model), ("serving", "replicas", "min"))
        message = f"at least {replicas.min} replicas are more than at most {replicas.max}"
        yield Diagnostic("empty-range", message, place, help=f"write `max: {replicas.min}` or more")
