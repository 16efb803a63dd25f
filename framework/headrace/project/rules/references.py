"""Every reference leads to a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, question
from headrace.spec import Model
from headrace.spec.name import RefersTo
from headrace.spec.place import bare, leading, metadata
from headrace.spec.unknown import UNKNOWN
from headrace.spec.wording import certain, listed, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """References by type, and the views that a model uses, which are keys."""
    for address, spec in sorted(scope.specs.items(), key=lambda item: item[0]):
        for path, wanted in _references(spec, ()):
            yield from _resolve(scope, address, path, wanted, key=False)
        if isinstance(spec, Model):
            yield from _use(scope, address, spec)


@question
def _use(scope: Scope, address: Address, model: Model) -> Iterator[Diagnostic]:
    for view in model.features.use:
        if "@" in view and not scope.unread and Address("feature_view", view) not in {*scope.specs, *scope.broken}:
            yield _unpinned(scope, address, view)
            continue
        yield from _resolve(scope, address, ("features", "use", view), Address("feature_view", view), key=True)


def _unpinned(scope: Scope, address: Address, view: str) -> Diagnostic:
    """The fault that a version of a view does not stand among the specs; no other is ever meant."""
    place = scope.where(address, ("features", "use", view), key=True)
    name = view.partition("@")[0]
    message = f"feature_view/{view} does not stand among the specs: a version is used as it was applied"
    help_ = f"type `headrace features pin {view}`, which writes it; `headrace features history {name}` lists them"
    return Diagnostic("unknown-reference", message, place, help=help_)


@question
def _resolve(scope: Scope, address: Address, path: Path, wanted: Address, *, key: bool) -> Iterator[Diagnostic]:
    if wanted in scope.specs or wanted in scope.broken or wanted.kind in scope.unread:
        return
    there = scope.once(_there, wanted.kind)
    meant = nearest(wanted.name, there)
    full = meant if key or meant is None else f"{wanted.kind}/{meant}"
    yield Diagnostic(
        "unknown-reference",
        f"there is no {wanted}",
        scope.where(address, path, key=key),
        caret=f"did you mean `{full}`?" if full else None,
        help=f"write `{full}`" if full else _declare(wanted, there),
        replacement=full,
        certain=certain(wanted.name, there, shortest=5),
    )


def references(spec: BaseModel) -> Iterator[Address]:
    """Everything that a spec names by a reference of the language; the views that a model uses are keys, and none of these."""
    yield from (wanted for _, wanted in _references(spec, ()))


def _there(scope: Scope, kind: str) -> list[str]:
    return list(dict.fromkeys(known.name for known in (*scope.specs, *scope.broken) if known.kind == kind))


def _declare(wanted: Address, there: list[str]) -> str:
    known = f", or use one of: {listed(there)}" if there else ""
    return f"write a document with `kind: {wanted.kind}` and `name: {wanted.name}`{known}"


def _references(model: BaseModel, path: Path) -> Iterator[tuple[Path, Address]]:
    for key, name, info in leading(type(model), _refers):
        yield from _of(info.annotation, info, getattr(model, name, UNKNOWN), (*path, key))


def _refers(info: FieldInfo) -> bool:
    """Whether the values of a field, or the items of its lists, are references."""
    found = metadata(info.annotation, info)
    inner = bare(info.annotation)
    while get_origin(inner) is tuple:
        found += metadata(get_args(inner)[0], None)
        inner = bare(get_args(inner)[0])
    return any(isinstance(item, RefersTo) for item in found)


def _of(annotation: Any, info: FieldInfo | None, value: Any, path: Path) -> Iterator[tuple[Path, Address]]:  # noqa: ANN401
    kind = next((item for item in metadata(annotation, info) if isinstance(item, RefersTo)), None)
    if isinstance(value, str) and kind is not None:
        yield path, Address.parse(value)
    elif isinstance(value, BaseModel):
        yield from _references(value, path)
    elif isinstance(value, tuple) and get_origin(bare(annotation)) is tuple:
        for position, item in enumerate(value):
            yield from _of(get_args(bare(annotation))[0], None, item, (*path, position))
