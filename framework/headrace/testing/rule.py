"""What a rule promises: findings about specs that there are, the same each time, on any project, an empty one included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from headrace.hooks import Finding, Rule
from headrace.spec import AnyKind, Project
from headrace.testing.fault import Broken, Checks, Unmet, function, registered


def check_rule(rule: Rule, specs: Mapping[str, AnyKind] | None = None) -> list[Broken]:
    """What is wrong with a rule; `specs` are a project of yours to try it on, by address, beside one that is empty."""
    if (wrong := registered(rule)) is not None:
        return [wrong]
    try:
        check = function(rule, "check")
    except Unmet as error:
        return [Broken("import", str(error))]
    bare = Project(kind="project", name="bare", language=1)
    projects: dict[str, Mapping[str, AnyKind]] = {"an empty project": {}, "a project without a model": {"project/bare": bare}}
    if specs is not None:
        projects["the given project"] = specs
    checks = Checks()
    for on, tried in projects.items():
        checks.run("findings", lambda on=on, tried=tried: _findings(check, MappingProxyType(dict(tried)), on))  # type: ignore[misc]
    return checks.broken


def _findings(check: Callable[..., Any], specs: Mapping[str, AnyKind], on: str) -> Iterator[str]:
    found = _asked(check, specs, on)
    for item in found:
        if item.address not in specs:
            yield f"on {on} it speaks of `{item.address}`, which is no spec of it"
        if item.severity not in ("error", "warning", "note"):
            yield f"on {on} its severity is `{item.severity}`, and none of error, warning, note"
        if not item.message.strip():
            yield f"on {on} it finds something and does not say what"
    if _asked(check, specs, on) != found:
        yield f"asked twice about {on}, it finds two different things"


def _asked(check: Callable[..., Any], specs: Mapping[str, AnyKind], on: str) -> list[Finding]:
    given = check(specs)
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise Unmet(f"on {on} it gives {'None' if given is None else type(given).__name__}, and not Findings")
    found = list(given)
    for item in found:
        if not isinstance(item, Finding):
            raise Unmet(f"on {on} it gives {type(item).__name__}, and not Finding")
    return found
