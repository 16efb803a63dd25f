"""Exactly one project document."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope


def check(scope: Scope) -> Iterator[Diagnostic]:
    """None, or a second."""
    projects = sorted((a for a in scope.nodes if a.kind == "project"), key=scope.where)
    if not projects and not scope.unread and scope.broken <= scope.nodes.keys():
        help_ = "write `kind: project`, `name: NAME` and `language: 1` in specs/headrace.yaml"
        yield Diagnostic("no-project", "no document is of `kind: project`", help=help_)
    for address in projects[1:]:
        first = scope.where(projects[0], ("name",))
        message = f"a folder declares one project, and {projects[0]} stands in {first.file}:{first.line}"
        yield Diagnostic("second-project", message, scope.where(address, ("name",)), help="remove one of them", related=(first,))
