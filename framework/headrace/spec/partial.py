"""What can be read of a document that is not valid: its sound parts, each field that is not among them unknown.

A field is unknown where its value could not be read, where it must be there and is not, and where it is not there and a key of the
document that the language does not have may be it. An item that could not be read keeps its position.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from headrace.document import FROM_SHELL, Mapping, Node, Scalar, Sequence
from headrace.spec.decode import unready
from headrace.spec.place import Place, attributes, bare, discriminator, keys, literals, members, metadata, model_of, models_in
from headrace.spec.plain import plain
from headrace.spec.unknown import UNKNOWN

M = TypeVar("M", bound=BaseModel)
_DEEPEST = 12


def partial(cls: type[M], node: Mapping) -> M:
    """A value of a spec's class with what could be read; asked for the rest, it raises `UnknownError`."""
    return _model(cls, node, frozenset(_strangers(cls, node)))


def _strangers(annotation: Any, node: Node) -> Iterator[str]:  # noqa: ANN401 - any annotation
    """Keys that the language does not have where they stand, and names of the user's own below which something is wrong."""
    match node:
        case Mapping(entries):
            model, names = _chosen(annotation, node), _argument(annotation, dict)
            for entry in entries:
                info = keys(model).get(entry.key) if model is not None else None
                if model is not None and info is None:
                    yield entry.key
                elif info is not None:
                    yield from _strangers(info.annotation, entry.value)
                elif names is not None:
                    if _read(names, None, entry.value) is UNKNOWN:
                        yield entry.key
                    yield from _strangers(names, entry.value)
        case Sequence(items):
            inner = _argument(annotation, tuple)
            for item in items if inner is not None else ():
                yield from _strangers(inner, item)
        case _:
            pass


def _model(cls: type[M], node: Mapping, strangers: frozenset[str]) -> M:
    known: dict[str, Any] = {}
    own = any(entry.key not in keys(cls) for entry in node.entries)
    for key, name, info in attributes(cls):
        entry = node.get(key)
        if entry is not None:
            value = _value(info.annotation, info, entry.value, strangers)
        elif own or info.is_required() or key in strangers or _below(info.annotation) & strangers:
            value = UNKNOWN
        else:
            value = info.get_default(call_default_factory=True)
            value = _read(info.annotation, info, value) if info.validate_default else value
        if value is not UNKNOWN:
            known[name] = value
    made = cls.model_construct()
    made.__dict__.clear()
    made.__dict__.update(known)
    return made


def _value(annotation: Any, info: FieldInfo | None, node: Node, strangers: frozenset[str]) -> Any:  # noqa: ANN401
    whole = _read(annotation, info, node)
    if whole is not UNKNOWN:
        return whole
    match node:
        case Mapping() if (model := _chosen(annotation, node, info)) is not None:
            return _model(model, node, strangers)
        case Mapping():
            return _named(annotation, node, strangers)
        case Sequence(items):
            inner = _argument(annotation, tuple)
            least = max((getattr(item, "min_length", 0) for item in metadata(annotation, info)), default=0)
            if inner is None or len(items) < least or all(_read(inner, None, item) is not UNKNOWN for item in items):
                return UNKNOWN
            return tuple(_value(inner, None, item, strangers) for item in items)
        case _:
            return UNKNOWN


def _named(annotation: Any, node: Mapping, strangers: frozenset[str]) -> Any:  # noqa: ANN401
    """Values under names of the user's; unknown as a whole where a name is none, or nothing of it by itself is wrong."""
    inner, values = _argument(annotation, dict), [entry.value for entry in node.entries]
    if inner is None or all(_read(inner, None, value) is not UNKNOWN for value in values):
        return UNKNOWN
    names = get_args(bare(_mapping(annotation)))[0]
    if any(_read(names, None, entry.key) is UNKNOWN for entry in node.entries):
        return UNKNOWN
    return {entry.key: _value(inner, None, entry.value, strangers) for entry in node.entries}


def _chosen(annotation: Any, node: Mapping, info: FieldInfo | None = None) -> type[BaseModel] | None:  # noqa: ANN401
    """Which model a mapping is of: the only one, or the one that its tag names."""
    models = [model for model in map(model_of, members(annotation)) if model is not None]
    if len(models) < 2:  # noqa: PLR2004 - a choice
        return models[0] if models else None
    tag = discriminator(Place(annotation, node, node.span, "", field=info))
    entry = node.get(tag) if tag is not None else None
    word = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    return next((model for model in models if tag is not None and word in literals(keys(model)[tag].annotation)), None)


def _mapping(annotation: Any) -> Any:  # noqa: ANN401
    return next((member for member in members(annotation) if get_origin(bare(member)) is dict), None)


def _argument(annotation: Any, origin: type) -> Any:  # noqa: ANN401
    """What the values of a mapping, or the items of a list of any length, are."""
    for member in members(annotation):
        inner = bare(member)
        if get_origin(inner) is origin:
            arguments = get_args(inner)
            return arguments[1] if origin is dict else arguments[0] if arguments[-1] is ... else None
    return None


def _read(annotation: Any, info: FieldInfo | None, value: Any) -> Any:  # noqa: ANN401
    """A value of a type; UNKNOWN where it is none."""
    given = [value]
    if isinstance(value, Scalar | Sequence | Mapping):
        if unready(value):
            return UNKNOWN
        given = [plain(value), *([value.text] if isinstance(value, Scalar) and value.style == FROM_SHELL else [])]
    adapter = _adapter(annotation, tuple(info.metadata) if info is not None else ())
    for each in given:
        try:
            return adapter.validate_python(each, strict=True, by_alias=True, by_name=False)
        except ValidationError:
            continue
    return UNKNOWN


def _adapter(annotation: Any, extra: tuple[Any, ...]) -> TypeAdapter[Any]:  # noqa: ANN401
    try:
        return _kept(annotation, extra)
    except TypeError:  # metadata that has no hash
        return _made(annotation, extra)


def _made(annotation: Any, extra: tuple[Any, ...]) -> TypeAdapter[Any]:  # noqa: ANN401
    return TypeAdapter(Annotated[(annotation, *extra)] if extra else annotation)


_kept = cache(_made)


@cache
def _of(model: type[BaseModel]) -> frozenset[str]:
    """All keys at or below a model."""
    return _keys_of(model, 0)


def _keys_of(model: type[BaseModel], depth: int) -> frozenset[str]:
    own = frozenset(keys(model))
    if depth > _DEEPEST:
        return own
    return own.union(*(_keys_of(inner, depth + 1) for info in keys(model).values() for inner in models_in(info.annotation)))


def _below(annotation: Any) -> frozenset[str]:  # noqa: ANN401
    return frozenset[str]().union(*(_of(model) for model in models_in(annotation)))
