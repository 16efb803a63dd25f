"""What a rule promises: findings about specs that there are, the same each time, on any project, an empty one included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from headrace.diagnostics import Report
from headrace.document import parse
from headrace.hooks import Finding, Rule
from headrace.spec import AnyKind, Project
from headrace.spec.decode import decode
from headrace.spec.place import attributes
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
    projects["a project with a model"] = a_project()
    if specs is not None:
        projects["the given project"] = specs
    checks = Checks()
    for on, tried in projects.items():
        checks.run("findings", lambda on=on, tried=tried: _findings(check, MappingProxyType(dict(tried)), on))  # type: ignore[misc]
    return checks.broken


_PROJECT = """\
kind: project
name: shop
language: 1
---
kind: source
name: orders
uri: orders.csv
columns: {customer_id: {type: int64}, seen_at: {type: timestamp}, amount: {type: float}, left: {type: int64}}
checks: [{id: amounts, column: amount, range: [0, 1000]}]
---
kind: feature_view
name: customer
from: source/orders
entity: customer_id
time: seen_at
features: {spent: {sum: amount, over: 28d}}
---
kind: channel
name: team
type: log
---
kind: model
name: churn
features: {entity: customer_id, time: seen_at, target: {column: left, delay: 30d}, rows: source/orders, use: {customer: all}}
training: {algorithm: lightgbm.classifier, split: {by: time, holdout: 30d, gap: 30d}, seed: 7}
gates: [{id: quality, metric: roc_auc, min: 0.8}]
monitoring:
  window: {rows: 1000}
  drift: {features: all, method: psi}
  alerts: [{id: drifting, when: drift.share > 20%, severity: warning, notify: [channel/team]}]
retraining: [{id: weekly, schedule: 0 3 * * 1}]
---
kind: model
name: bare
features: {entity: customer_id, time: seen_at, target: {column: left, delay: 30d}, rows: source/orders, use: {customer: all}}
training: {algorithm: lightgbm.classifier}
gates: [{id: quality, metric: roc_auc, min: 0.8}]
"""
"""What a small shop may have: with an owner nowhere, a model that has most sections, and one that has the fewest."""


def a_project() -> Mapping[str, AnyKind]:
    """Specs to try a rule on, by address."""
    report = Report()
    specs = [decode(node, report) for node in parse(_PROJECT, "specs/shop.yaml", report)]
    return {f"{spec.kind}/{spec.name}": spec for spec in specs if spec is not None}


def _beyond(spec: AnyKind, path: tuple[str | int, ...]) -> str | None:
    """Where a path leaves a spec; None where all of it is there, or its last key could be written there."""
    value: Any = spec
    for position, part in enumerate(path):
        match value:
            case BaseModel():
                names = {key: name for key, name, _ in attributes(type(value))}
                if part not in names:
                    return f"`{part}` is none of {', '.join(names)}"
                value = getattr(value, names[str(part)])
            case Mapping():
                if part not in value:
                    return f"`{part}` is none of {', '.join(map(str, value)) or 'nothing'}"
                value = value[part]
            case tuple() | list():
                if not isinstance(part, int) or not 0 <= part < len(value):
                    return f"`{part}` is no position of a list of {len(value)}"
                value = value[part]
            case _:
                return f"nothing stands below `{path[position - 1]}`"
    return None


def _findings(check: Callable[..., Any], specs: Mapping[str, AnyKind], on: str) -> Iterator[str]:
    found = _asked(check, specs, on)
    for item in found:
        if item.address not in specs:
            yield f"on {on} it speaks of `{item.address}`, which is no spec of it"
        if item.severity not in ("error", "warning", "note"):
            yield f"on {on} its severity is `{item.severity}`, and none of error, warning, note"
        if item.address in specs and (gone := _beyond(specs[item.address], tuple(item.path))) is not None:
            yield f"on {on} its path {tuple(item.path)} leads nowhere in `{item.address}`: {gone}"
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
