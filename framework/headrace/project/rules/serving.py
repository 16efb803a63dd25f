"""What needs a server has one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of
from headrace.spec import Model


def check(scope: Scope) -> Iterator[Diagnostic]:
    """Rollouts and monitoring of models that never answer."""
    for model in scope.of(Model):
        if model.serving != "none":
            continue
        for section in ("rollout", "monitoring"):
            if getattr(model, section) is not None:
                place = scope.where(address_of(model), (section,), key=True)
                message = f"`{section}` needs requests, and {address_of(model)} says `serving: none`"
                yield Diagnostic("needs-serving", message, place, help=f"remove `{section}`, or let it serve")
