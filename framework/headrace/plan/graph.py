"""Which spec names which: the references of a document, read by the types of the language, and written anew after a move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headrace.plan.fields import below
from headrace.spec import KINDS
from headrace.spec.name import RefersTo

_USE = ("model", "features", "use")
"""The views that a model uses are keys."""


def references(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Every address that a document names, as `kind/name`; of one that was not decoded, short names too."""
    for path, types, value in _walk((), (KINDS[kind],), document):
        if isinstance(value, str) and (meant := next((member for member in types if isinstance(member, RefersTo)), None)) is not None:
            yield value if "/" in value else f"{meant}/{value}"
        elif isinstance(value, Mapping) and (kind, *path) == _USE:
            yield from (f"feature_view/{name}" for name in value)


def renamed(kind: str, document: Any, moves: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """The same document with every moved address under its new name; free text stays as it is."""
    return _renamed((kind,), (KINDS[kind],), document, moves)


def closure(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """All that can be reached, the start too."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return frozenset(found)


def turned(edges: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The same edges, read backwards."""
    found: dict[str, list[str]] = {}
    for name, others in edges.items():
        for other in others:
            found.setdefault(other, []).append(name)
    return found


def _refers(types: tuple[Any, ...]) -> bool:
    return any(isinstance(member, RefersTo) for member in types)


def _walk(path: tuple[str | int, ...], types: tuple[Any, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], tuple[Any, ...], Any]]:  # noqa: ANN401
    yield path, types, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk((*path, key), below(types, key), item)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _walk((*path, position), below(types, 0), item)


def _renamed(path: tuple[str, ...], types: tuple[Any, ...], value: Any, moves: Mapping[str, str]) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        found = {key: _renamed((*path, key), below(types, key), item, moves) for key, item in value.items()}
        if path == _USE:
            return {moves.get(f"feature_view/{key}", key).removeprefix("feature_view/"): item for key, item in found.items()}
        return found
    if isinstance(value, list):
        return [_renamed((*path, "[]"), below(types, 0), item, moves) for item in value]
    return moves.get(value, value) if isinstance(value, str) and _refers(types) else value
