"""Secrets stand as references, in fields that take them, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Span
from headrace.diagnostics.secret import holds_secret
from headrace.document import Mapping as MappingNode
from headrace.document import Node, Scalar, Sequence
from headrace.hooks import ChannelType, Tracker, resolve
from headrace.project.rules.plugins import channel_type
from headrace.project.scope import Scope
from headrace.spec import KINDS, Channel, Environment
from headrace.spec.place import bare, keys, members, model_of
from headrace.spec.secret import REFERENCE, anywhere, below, capable

_ANY = FieldInfo(annotation=str, json_schema_extra={"secret": "may"})
"""A parameter of which nothing is known."""


@dataclass(frozen=True, slots=True)
class _At:
    """A part of a document, with what the language says of it."""

    address: Address
    types: tuple[Any, ...]
    suspect: bool
    """Whether a reference may stand anywhere in the document, so that all of it is looked at."""
    path: Path = ()
    field: FieldInfo | None = None

    def below(self, part: str | int, types: tuple[Any, ...], field: FieldInfo | None) -> _At:
        return _At(self.address, types, self.suspect, (*self.path, part), field)


def check(scope: Scope, suspects: Iterable[Address], kinds: Collection[str] = tuple(KINDS)) -> Iterator[Diagnostic]:
    """References in fields that take none, among the documents that may hold some; values in fields that must be references.

    Of documents of these kinds alone.
    """
    specs = [address for address in scope.specs if address.kind in kinds]
    # What the parameters of a channel or a tracker are, its plugin says, not the language.
    found = {*suspects}.intersection(specs) | {a for a in specs if a.kind in _PARAMS}
    for address in sorted(found | {a for a in specs if anywhere(KINDS[a.kind])}):
        yield from _walk(scope, scope.nodes[address], _At(address, (KINDS[address.kind],), address in found))


def _walk(scope: Scope, node: Node, here: _At) -> Iterator[Diagnostic]:
    match node:
        case Scalar(value=str() as text):
            found = _judged(here.path, text, capable(here.field), node.span)
            if found is not None:
                yield found
        case Scalar():
            pass
        case Sequence(items):
            inner = tuple(arg for t in here.types for arg in _arguments(t, (tuple, list)))
            for position, item in enumerate(items):
                yield from _walk(scope, item, here.below(position, inner, here.field))
        case MappingNode(entries):
            for entry in entries:
                deeper = _entry(scope, here, entry.key)
                if deeper is not None:
                    yield from _walk(scope, entry.value, deeper)


def _entry(scope: Scope, here: _At, key: str) -> _At | None:
    """What stands under a key; None for the user's own keys, and where nothing can be known of it."""
    if not here.path and key.startswith("x-"):
        return None
    if here.path == _PARAMS.get(here.address.kind):
        model = _params(scope, here.address)
        field = keys(model).get(key) if model is not None else None
        # Under a key that is none, or of a type that nobody knows, a secret is one all the same.
        return here.below(key, members(field.annotation), field) if field is not None else here.below(key, (), _ANY)
    models = [model for model in map(model_of, here.types) if model is not None]
    if models and not here.suspect and not any(key in below(model) for model in models):
        return None
    field = next((keys(model)[key] for model in models if key in keys(model)), None)
    values = tuple(arg for t in here.types for arg in _arguments(t, (dict,)))
    if field is None:
        return here.below(key, values, here.field if values else None)
    return here.below(key, members(field.annotation), field)


def _arguments(annotation: Any, origins: tuple[type, ...]) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    """What a list or a mapping holds."""
    inner = bare(annotation)
    if get_origin(inner) not in origins:
        return ()
    return tuple(
        m for argument in get_args(inner)[-1 if get_origin(inner) is dict else 0 :] if argument is not ... for m in members(argument)
    )


_PARAMS: dict[str, Path] = {"channel": ("params",), "environment": ("tracking", "params")}
"""Where a kind has parameters of a plugin that may hold secrets."""


def _params(scope: Scope, address: Address) -> type[BaseModel] | None:
    """The model of a channel's or a tracker's parameters; None where it cannot be known, which was said already."""
    known = _plugin(scope, address)
    if known is None:
        return None
    try:
        model = resolve(known.params)
    except (Exception, SystemExit):  # noqa: BLE001 - a plugin's module may raise anything; `plugins.check` says so
        return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _plugin(scope: Scope, address: Address) -> ChannelType | Tracker | None:
    if scope.plugins is None:
        return None
    # What could not be read has no such attribute.
    if address.kind == "environment":
        name = getattr(getattr(scope.get(Environment, address), "tracking", None), "tracker", None)
        return scope.plugins.trackers.get(name) if name is not None else None
    type_ = getattr(scope.get(Channel, address), "type", None)
    return channel_type(scope.plugins, type_) if type_ is not None else None


def _judged(path: Path, text: str, takes: str | None, place: Span) -> Diagnostic | None:
    name = str(next((part for part in reversed(path) if isinstance(part, str)), "this"))
    if REFERENCE.fullmatch(text):
        if takes is not None:
            return None
        message = f"`{name}` takes no secret, so `{text[:60]}` would stay as it is written"
        help_ = "take the secret out: what stands here is compiled and kept as text; a value that is no secret may be `${env.NAME}`"
        return Diagnostic("misplaced-secret", message, place, help=help_)
    if takes == "must" or (takes == "may" and holds_secret(text)):
        # Never the value itself: this message goes to logs.
        message = f"`{name}` holds a secret, and stands here as a value"
        return Diagnostic("literal-secret", message, place, help="write `env:NAME` or `file:PATH`, and keep the value out of the files")
    return None
