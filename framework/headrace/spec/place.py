"""Where in a document, and in the language, a fault that pydantic names by keys lies."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.types import Discriminator

from headrace.address import Path
from headrace.diagnostics import Span
from headrace.document import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Place:
    """A node with the type that the language gives it."""

    annotation: Any
    node: Node | None
    """None where a key is missing."""
    key: Span
    """The key under which the node stands; for an item of a list the item, for a document its first key."""
    name: str
    """What the user calls it: its key, or `gates[1]`."""
    owners: tuple[tuple[type[BaseModel], str], ...] = ()
    """The models that contain it, outermost first, each with its name."""
    path: Path = ()
    field: FieldInfo | None = None
    is_key: bool = False
    """Whether the fault is in the key of a mapping, not in its value."""

    @property
    def span(self) -> Span:
        """What a caret should stand under."""
        return self.key if self.node is None or self.is_key else self.node.span


def bare(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """Without `Annotated` and `None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        members = [m for m in get_args(annotation) if m is not type(None)]
        if len(members) == 1:
            return bare(members[0])
    return annotation


def metadata(annotation: Any, field: FieldInfo | None) -> tuple[Any, ...]:  # noqa: ANN401
    """All that is annotated: of the field and of the type itself."""
    found: tuple[Any, ...] = tuple(field.metadata) if field is not None else ()
    while True:
        if get_origin(annotation) is Annotated:
            found += annotation.__metadata__
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [m for m in get_args(annotation) if m is not type(None)]
            if len(members) != 1:
                return found
            annotation = members[0]
        else:
            return found


def model_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401
    """The model class that an annotation is."""
    annotation = bare(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


@cache
def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the keys that a user writes."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


Attribute = tuple[str, str, FieldInfo]
"""A field: the key that a user writes, the name that Python reads it by, and what was declared."""


@cache
def attributes(model: type[BaseModel]) -> tuple[Attribute, ...]:
    """A model's fields."""
    return tuple((info.alias or name, name, info) for name, info in model.model_fields.items())


def filled(info: FieldInfo) -> bool:
    """Whether an editor fills a field in: it must be there, or mostly is."""
    extra = info.json_schema_extra
    return info.is_required() or (isinstance(extra, dict) and bool(extra.get("usual")))


@cache
def leading(model: type[BaseModel], holds: Callable[[FieldInfo], object]) -> tuple[Attribute, ...]:
    """The fields of a model that hold what is looked for, and those below which some model has such a field."""
    return tuple(
        (key, name, info)
        for key, name, info in attributes(model)
        if holds(info) or any(leading(inner, holds) for inner in models_in(info.annotation))
    )


def models_in(annotation: Any) -> tuple[type[BaseModel], ...]:  # noqa: ANN401
    """The models that a value of a type may be, or hold as its items."""
    found: list[type[BaseModel]] = []
    for member in members(annotation):
        model, origin = model_of(member), get_origin(bare(member))
        if model is not None:
            found.append(model)
        elif origin in (tuple, list, dict):
            found += [inner for argument in get_args(bare(member)) if argument is not ... for inner in models_in(argument)]
    return tuple(found)


def members(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """The members of a union, or the one type."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(m for m in get_args(annotation) if m is not type(None))
    return (annotation,)


def literals(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """The values that a literal type, or the literals of a union, allow."""
    return tuple(value for member in members(annotation) if get_origin(bare(member)) is Literal for value in get_args(bare(member)))


def discriminator(place: Place) -> str | None:
    """The key that says which branch of a union was chosen."""
    given = (place.field.discriminator if place.field is not None else None, *metadata(place.annotation, place.field))
    for item in given:
        if isinstance(item, Discriminator) and isinstance(item.discriminator, str):
            return item.discriminator
        if isinstance(item, str) and item == given[0]:
            return item
    return None


def children(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models one level below, with the keys that lead to them."""
    for key, info in keys(model).items():
        for member in members(info.annotation):
            inner = bare(member)
            if get_origin(inner) is tuple:
                inner = bare(get_args(inner)[0])
            for found in members(inner):
                below = model_of(found)
                if below is not None:
                    yield key, below


def follow(place: Place, loc: tuple[str | int, ...]) -> Place | None:
    """The place that a pydantic `loc` names, or None where it speaks of a branch that the user did not choose."""
    for part in loc:
        found = _step(place, part)
        if found is None:
            return None
        place = found
    return place


def _step(place: Place, part: str | int) -> Place | None:
    if part == "[key]":
        return replace(place, annotation=str, field=None, is_key=True, path=(*place.path, part))
    annotation = bare(place.annotation)
    if len(members(annotation)) > 1:
        return _branch(place, annotation, part)
    model = model_of(annotation)
    if model is not None:
        info = keys(model).get(str(part))
        return _down(place, part, info.annotation if info else Any, info, model)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return _down(place, part, arguments[1], None, None)
    if origin in (tuple, list) and isinstance(part, int):
        return _item(place, part, arguments[part] if origin is tuple and arguments[-1] is not ... else arguments[0])
    return place  # a label of pydantic's own, within one value


def _branch(place: Place, union: Any, part: str | int) -> Place | None:  # noqa: ANN401
    tag = discriminator(place)
    if tag is not None:
        for member in members(union):
            model = model_of(member)
            if model is not None and part in literals(keys(model)[tag].annotation):
                return replace(place, annotation=member)
        return None
    label = str(part)
    if isinstance(place.node, Mapping):
        chosen = [m for m in members(union) if model_of(m) is not None or get_origin(bare(m)) is dict]
        right = [m for m in chosen if label.startswith("dict") or label == getattr(model_of(m), "__name__", None)]
    elif isinstance(place.node, Sequence):
        chosen = right = [m for m in members(union) if get_origin(bare(m)) in (tuple, list)]
        right = right if label.startswith(("tuple", "list")) else []
    else:
        return place
    if not chosen:
        return place
    return replace(place, annotation=right[0]) if right else None


def _down(place: Place, part: str | int, annotation: Any, info: FieldInfo | None, model: type[BaseModel] | None) -> Place:  # noqa: ANN401
    entry = place.node.get(str(part)) if isinstance(place.node, Mapping) else None
    owners = (*place.owners, (model, place.name)) if model is not None else place.owners
    return Place(
        annotation=annotation,
        node=entry.value if entry else None,
        key=entry.key_span if entry else place.key,
        name=str(part),
        owners=owners,
        path=(*place.path, part),
        field=info,
    )


def _item(place: Place, part: int, annotation: Any) -> Place | None:  # noqa: ANN401
    items = place.node.items if isinstance(place.node, Sequence) else ()
    node = items[part] if part < len(items) else None
    key = _head(node) if node is not None else place.key
    return Place(annotation, node, key, f"{place.name}[{part}]", place.owners, (*place.path, part))


def _head(node: Node) -> Span:
    """The first line of an item: an id, where it has one."""
    if isinstance(node, Mapping) and node.entries:
        named = node.get("id")
        if named is not None and isinstance(named.value, Scalar):
            return named.value.span
        return node.entries[0].key_span
    return node.span
