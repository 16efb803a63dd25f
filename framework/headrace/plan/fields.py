"""Two specs as JSON to the fields that differ, and what changing a field costs."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

import orjson

from headrace.address import Path
from headrace.spec import KINDS, Effect, Spec
from headrace.spec.name import RefersTo

_EXACT = 2**53
"""Beyond it, an integer has no exact place in canonical JSON (RFC 8785)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs: `path` as a person reads it, `at` as the new document is walked (or its nearest part that is still there)."""

    path: str
    at: Path
    old: Any
    new: Any
    effect: Effect


def plain(spec: Spec) -> dict[str, Any]:
    """A spec as JSON in the words of its YAML, defaults included."""
    return _kept(spec.model_dump(mode="json", by_alias=True))


def written(spec: Spec) -> dict[str, Any]:
    """A spec as JSON without what nobody wrote."""
    return _kept(spec.model_dump(mode="json", by_alias=True, exclude_unset=True))


def _kept(found: dict[str, Any]) -> dict[str, Any]:
    """The same where every integer has an exact place; the compiled writer sees that sooner than a walk."""
    try:
        orjson.dumps(found, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return {key: _exact(item) for key, item in found.items()}
    return found


def _exact(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {key: _exact(item) for key, item in value.items()}
        case list():
            return [_exact(item) for item in value]
        case int() if abs(value) >= _EXACT:
            return str(value)
    return value


def differences(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the new document; items with an `id` are compared by it."""
    return tuple(_walk(_At("", (), (KINDS[kind],), Effect.RECONFIGURE), old, new))


@dataclass(frozen=True, slots=True)
class _At:
    """Where a comparison stands: the types that may stand here, and the effect that the nearest declaration says."""

    path: str
    at: Path
    types: tuple[Any, ...]
    effect: Effect

    def key(self, key: str, *, stands: bool) -> _At:
        types_, effect = _below(self.types, key)
        return _At(
            f"{self.path}.{key}" if self.path else key,
            (*self.at, key) if stands else self.at,
            types_,
            self.effect if effect is None else effect,
        )

    def item(self, name: str, position: int) -> _At:
        return _At(f"{self.path}[{name}]", (*self.at, position), _below(self.types, 0)[0], self.effect)

    def differs(self, old: object, new: object) -> Difference:
        return Difference(self.path, self.at, old, new, self.effect)


def _walk(here: _At, old: Any, new: Any) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            if key not in old and new[key] in (None, {}, []) and _declared(here.types, key):
                continue  # a key that the language did not have when it was applied, and that nobody writes
            yield from _walk(here.key(key, stands=key in new), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _walk_lists(here, old, new)
    elif old != new or isinstance(old, bool) is not isinstance(new, bool):  # for Python, True is 1
        yield here.differs(old, new)


def _declared(types_: tuple[Any, ...], key: str) -> bool:
    """Whether a key is the language's own, and no name that a user chose."""
    sections = (kind for kind in types_ if isinstance(kind, type) and issubclass(kind, Spec))
    return any(key in (field.alias, name) for kind in sections for name, field in kind.model_fields.items())


def _walk_lists(here: _At, old: list[Any], new: list[Any]) -> Iterator[Difference]:
    key = _key(old, new)
    if not all(isinstance(item, dict) for item in (*old, *new)):
        if old != new:
            yield here.differs(old, new)
        return
    before = {str(item[key]) if key else str(i): item for i, item in enumerate(old)}
    after = {str(item[key]) if key else str(i): item for i, item in enumerate(new)}
    for position, (name, item) in enumerate(after.items()):
        yield from _walk(here.item(name, position), before.get(name), item)
    for name, item in before.items():
        if name not in after:
            yield Difference(f"{here.path}[{name}]", here.at, item, None, here.effect)
    if [name for name in after if name in before] != [name for name in before if name in after]:
        yield Difference(f"{here.path} (order)", here.at, list(before), list(after), Effect.METADATA)


def _key(old: list[Any], new: list[Any]) -> str | None:
    """What names the items of both lists: their `id`, or a judge's `metric`; None where nothing does."""
    items = [*old, *new]
    for key in ("id", "metric"):
        if all(isinstance(item, dict) and isinstance(item.get(key), str) for item in items) and all(
            len({item[key] for item in side}) == len(side) for side in (old, new)
        ):
            return key
    return None


def below(types_: tuple[Any, ...], key: str | int) -> tuple[Any, ...]:
    """The types that a key, or any position of a list, leads to; a reference brings its `RefersTo` along."""
    return _below(types_, key)[0]


@cache
def _below(types_: tuple[Any, ...], key: str | int) -> tuple[tuple[Any, ...], Effect | None]:
    """The types that a key leads to, and the effect that its own declaration says."""
    found: list[Any] = []
    effects: list[Effect] = []
    for kind in types_:
        if isinstance(kind, type) and issubclass(kind, Spec):
            for name, field in kind.model_fields.items():
                if key in (field.alias, name):
                    found.extend(_flat(field.annotation))
                    found.extend(item for item in field.metadata if isinstance(item, RefersTo))
                    extra = field.json_schema_extra
                    if isinstance(extra, dict) and isinstance(extra.get("effect"), str):
                        effects.append(Effect[str(extra["effect"]).upper().replace("-", "_")])
        elif get_origin(kind) is dict:
            found.extend(_flat(get_args(kind)[1]))
        elif get_origin(kind) is tuple:
            found.extend(_flat(get_args(kind)[0]))
    return tuple(found), max(effects, default=None)


def _flat(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type
    origin = get_origin(annotation)
    if origin is Annotated:
        return (*_flat(get_args(annotation)[0]), *(item for item in get_args(annotation)[1:] if isinstance(item, RefersTo)))
    if origin in (Union, types.UnionType):
        return tuple(part for arm in get_args(annotation) for part in _flat(arm))
    return (annotation,)
