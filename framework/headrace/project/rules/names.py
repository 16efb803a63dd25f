"""Names that must differ: ids within a list, and what two models would both be called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of
from headrace.spec import Backtest, Model
from headrace.spec.serving import Serving


def check(scope: Scope) -> Iterator[Diagnostic]:
    """Ids that stand twice, models that would share a Python module or a port."""
    for model in scope.of(Model):
        here = address_of(model)
        yield from _twice(scope, here, ("gates",), "id", [gate.id for gate in model.gates])
        yield from _twice(scope, here, ("retraining",), "id", [trigger.id for trigger in model.retraining])
        if model.monitoring is not None:
            yield from _twice(scope, here, ("monitoring", "alerts"), "id", [alert.id for alert in model.monitoring.alerts])
        if model.rollout is not None:
            yield from _twice(scope, here, ("rollout", "judge"), "metric", [judge.metric for judge in model.rollout.judge])
    for backtest in scope.of(Backtest):
        yield from _twice(scope, address_of(backtest), ("disturb",), "id", [item.id for item in backtest.disturb])
    yield from _modules(scope)
    yield from _ports(scope)


def _twice(scope: Scope, address: Address, path: Path, key: str, ids: Iterable[str]) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for position, name in enumerate(ids):
        first = seen.setdefault(name, position)
        if first != position:
            place, other = (scope.where(address, (*path, at, key)) for at in (position, first))
            message = f"`{path[-1]}` has two items with the {key} `{name}`: in line {other.line} and in line {place.line}"
            yield Diagnostic("duplicate-id", message, place, help="rename one of them", related=(other,))


def _modules(scope: Scope) -> Iterator[Diagnostic]:
    seen: dict[str, Model] = {}
    for model in scope.of(Model):
        first = seen.setdefault(model.name.replace("-", "_"), model)
        if first is not model:
            place, other = (scope.where(address_of(m), ("name",)) for m in (model, first))
            message = f"{address_of(first)} and {address_of(model)} would both be the Python module `{model.name.replace('-', '_')}`"
            yield Diagnostic("module-collision", message, place, help="rename one of them", related=(other,))


def _ports(scope: Scope) -> Iterator[Diagnostic]:
    seen: dict[int, Model] = {}
    for model in scope.of(Model):
        if not isinstance(model.serving, Serving):
            continue
        first = seen.setdefault(model.serving.port, model)
        if first is not model:
            place, other = (scope.where(address_of(m), ("serving", "port")) for m in (model, first))
            message = f"{address_of(first)} and {address_of(model)} both answer on port {model.serving.port}"
            free = next(port for port in range(model.serving.port + 1, 65536) if port not in seen)
            help_ = f"write `serving: {{port: {free}}}`"
            yield Diagnostic("port-taken", message, place, help=help_, related=(other,))
