"""Which environment a command works in."""

from __future__ import annotations

from headrace.diagnostics import Diagnostic, Report
from headrace.project.scope import Scope
from headrace.spec import Environment
from headrace.spec.wording import nearest

DEFAULT = "dev"
"""The environment that is meant where several are declared and none is named; it exists without being declared."""


def choose(scope: Scope, wanted: str | None, report: Report) -> Environment | None:  # noqa: PLR0911 - one line a way to choose
    """The environment that is named; else the only one; else `dev`. None after a fault."""
    declared = {environment.name: environment for environment in scope.of(Environment)}
    broken = {address.name for address in scope.broken if address.kind == "environment"}
    if wanted in broken or "environment" in scope.unread or (wanted is None and broken):
        return declared.get(wanted) if wanted is not None else None
    if not declared and wanted in (None, DEFAULT):
        return Environment(kind="environment", name=DEFAULT)
    if wanted is None:
        if len(declared) == 1:
            return next(iter(declared.values()))
        if DEFAULT in declared:
            return declared[DEFAULT]
        message = f"there are {len(declared)} environments, and none is called `{DEFAULT}`: {', '.join(declared)}"
        report.add(Diagnostic("which-environment", message, help=f"name one: `--env {next(iter(declared))}`"))
        return None
    if wanted not in declared:
        meant = nearest(wanted, declared)
        help_ = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(declared) or DEFAULT}"
        report.add(Diagnostic("unknown-environment", f"there is no environment `{wanted}`", help=help_))
        return None
    return declared[wanted]
