"""Names that must differ: ids within a list, and what two models would both be called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.place import bare, leading, members, models_in
from headrace.spec.serving import Serving
from headrace.spec.unknown import UNKNOWN

TASKS = ("features", "training", "gates", "rollout", "monitoring", "alerts", "retraining")
"""What the tasks of flows are called."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Ids that stand twice, models that would share a Python module or a port."""
    for address, spec in sorted(scope.specs.items(), key=lambda item: item[0]):
        for path, key, ids in _lists(spec, ()):
            yield from _twice(scope, address, path, key, ids)
        if isinstance(spec, Model):
            yield from _steps(scope, spec)
    yield from _modules(scope)
    yield from _ports(scope)


def _lists(spec: BaseModel, path: Path) -> Iterator[tuple[Path, str, list[str | None]]]:
    """Every list whose items are told apart by their `id`, or by their `metric`."""
    for key, name, _ in leading(type(spec), _lists_models):
        value = getattr(spec, name, UNKNOWN)
        if isinstance(value, BaseModel):
            yield from _lists(value, (*path, key))
        elif isinstance(value, tuple) and (first := next((item for item in value if isinstance(item, BaseModel)), None)) is not None:
            named = next((word for word in ("id", "metric") if word in type(first).model_fields), None)
            if named is not None:
                yield (*path, key), named, [getattr(item, named, None) if item is not UNKNOWN else None for item in value]


def _lists_models(info: FieldInfo) -> bool:
    """Whether a field's values are lists of mappings."""
    return any(get_origin(bare(member)) is tuple and models_in(member) for member in members(info.annotation))


@question
def _steps(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, step in enumerate(model.steps):
        if step.id in TASKS:
            place = scope.where(address_of(model), ("steps", position, "id"))
            message = f"no step of one's own can be called `{step.id}`: each flow has a task of that name"
            yield Diagnostic("reserved-name", message, place, help=f"call it `own-{step.id}`")


@question
def _twice(scope: Scope, address: Address, path: Path, key: str, ids: Iterable[str | None]) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for position, name in enumerate(ids):
        if name is None:  # unknown
            continue
        first = seen.setdefault(name, position)
        if first != position:
            place, other = (scope.where(address, (*path, at, key)) for at in (position, first))
            message = f"`{path[-1]}` has two items with the {key} `{name}`: in line {other.line} and in line {place.line}"
            mend = "rename one of them" if key == "id" else "say all of it in one of them, and remove the other"
            yield Diagnostic("duplicate-id", message, place, help=mend, related=(other,))


@question
def _modules(scope: Scope) -> Iterator[Diagnostic]:
    seen: dict[str, Model] = {}
    for model in scope.of(Model):
        first = seen.setdefault(model.name.replace("-", "_"), model)
        if first is not model:
            place, other = (scope.where(address_of(m), ("name",)) for m in (model, first))
            message = f"{address_of(first)} and {address_of(model)} would both be the Python module `{model.name.replace('-', '_')}`"
            yield Diagnostic("module-collision", message, place, help="rename one of them", related=(other,))


@question
def _ports(scope: Scope) -> Iterator[Diagnostic]:
    seen: dict[int, Model] = {}
    for model in scope.of(Model):
        serving = getattr(model, "serving", None)
        port = getattr(serving, "port", None)
        if not isinstance(serving, Serving) or port is None:
            continue
        first = seen.setdefault(port, model)
        if first is not model:
            place, other = (scope.where(address_of(m), ("serving", "port")) for m in (model, first))
            message = f"{address_of(first)} and {address_of(model)} both answer on port {port}"
            free = next(port for port in range(port + 1, 65536) if port not in seen)
            help_ = f"write `serving: {{port: {free}}}`"
            yield Diagnostic("port-taken", message, place, help=help_, related=(other,))
