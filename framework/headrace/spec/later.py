"""Words that the language has and this version does nothing by: each is declared so at its own field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Path
from headrace.spec.place import keys, leading
from headrace.spec.unknown import UNKNOWN


@dataclass(frozen=True, slots=True)
class Later:
    """One word that somebody wrote and nothing runs by."""

    path: Path
    word: str
    """As it is written: `kind: batch`, `experiment`, or `while_deciding: replace`."""
    value: bool
    """Whether it is the value that nothing runs by, not the key."""


def flag(info: FieldInfo) -> bool | tuple[object, ...]:
    """What a field's own declaration says: all of it is for later, or these values of it."""
    extra = info.json_schema_extra
    said = extra.get("later", False) if isinstance(extra, dict) else False
    return tuple(said) if isinstance(said, list) else bool(said)


def live(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a model that something runs by: those that a message may propose."""
    return {key: info for key, info in keys(model).items() if flag(info) is not True}


def written(spec: BaseModel) -> Iterator[Later]:
    """Every word of a spec that nothing runs by, outermost first; what is as its default asks for nothing.

    A document of such a kind is told by its `kind` alone, and nothing below such a key is told again.
    """
    kind = keys(type(spec)).get("kind")
    if kind is not None and flag(kind):
        yield Later(("kind",), f"kind: {getattr(spec, 'kind', '')}", value=True)
        return
    yield from _within(spec, ())


def _within(value: Any, path: Path) -> Iterator[Later]:  # noqa: ANN401 - the language's values
    match value:
        case None | str() | int() | float():
            return  # most of them
        case BaseModel():
            for key, name, info in leading(type(value), flag):
                inner = getattr(value, name, UNKNOWN)
                if inner is not UNKNOWN:
                    yield from _field(key, info, inner, (*path, key))
        case tuple():
            # What could not be read among the items is passed over below: it is of none of these types.
            for position, item in enumerate(value):
                yield from _within(item, (*path, position))
        case Mapping():
            for key, item in value.items():
                yield from _within(item, (*path, key))


def _field(key: str, info: FieldInfo, value: object, path: Path) -> Iterator[Later]:
    match flag(info):
        case True if value != info.default:
            yield Later(path, key, value=False)
        case tuple(values) if value in values:
            yield Later(path, f"{key}: {value}", value=True)
        case _:
            yield from _within(value, path)
