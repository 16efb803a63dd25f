"""Two items of a list that each say half of one: other tools take a step's share and its pause as two steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Edit, Span
from headrace.document import Mapping, Node, Scalar, Sequence, write_flow
from headrace.spec.foreign import SAME
from headrace.spec.meaning import node_at
from headrace.spec.place import Place, keys
from headrace.spec.quantity import MissingUnit
from headrace.spec.wording import quantity_of


@dataclass(frozen=True, slots=True)
class Halves:
    """The fault, and where the two items stand, of which nothing else is said."""

    diagnostic: Diagnostic
    items: tuple[Path, Path]


def halves(lacking: Iterable[Place], root: Place) -> Iterator[Halves]:
    """Items side by side, each with one key of two that an item must have; `lacking` are the keys that items lack."""
    models = {place.path[:-1]: place.owners[-1][0] for place in lacking if place.owners}
    taken: set[Path] = set()
    for path, model in models.items():
        if not path or not isinstance(path[-1], int) or path in taken:
            continue
        other = (*path[:-1], path[-1] + 1)
        owner = node_at(root, path[:-1])
        if models.get(other) is model and other not in taken and isinstance(owner, Sequence):
            whole = _whole(model, owner.items[path[-1]], owner.items[path[-1] + 1])
            if whole is not None:
                taken |= {path, other}
                yield Halves(_said(path, owner.items[path[-1]], owner.items[path[-1] + 1], whole), (path, other))


def _said(path: Path, first: Node, second: Node, whole: str) -> Diagnostic:
    place = first.span
    both = Span(place.file, place.line, place.column, second.span.end_line, second.span.end_column)
    name, position = path[-2] if len(path) > 1 else "", path[-1]
    message = f"`{name}[{position}]` and the item after it are one: each has what the other lacks"
    key = first.entries[0].key_span if isinstance(first, Mapping) else place
    return Diagnostic("missing-key", message, key, help=f"write `- {whole}`", edits=(Edit(both, whole),), certain=True)


def _whole(model: type[BaseModel], first: Node, second: Node) -> str | None:
    """Both items in one, where each is one half of it."""
    required = {key: info for key, info in keys(model).items() if info.is_required()}
    found: dict[str, Any] = {}
    for item in (first, second):
        if not isinstance(item, Mapping) or len(item.entries) != 1:
            return None
        given = item.entries[0]
        ours = given.key if given.key in required else next((key for key in SAME.get(given.key, ()) if key in required), None)
        value = _value(required[ours], given.value) if ours is not None else None
        if ours is None or value is None or ours in found:
            return None
        found[ours] = value
    return write_flow({key: found[key] for key in required}) if found.keys() == required.keys() else None


def _value(info: FieldInfo, node: Node) -> Any:  # noqa: ANN401 - a value of the language
    """A value with its unit; of a mapping around one value, that."""
    if isinstance(node, Mapping):
        return _value(info, node.entries[0].value) if len(node.entries) == 1 else None
    if not isinstance(node, Scalar):
        return None
    quantity = quantity_of(info.annotation, info)
    try:
        if quantity is not None:
            quantity(node.value)
    except MissingUnit as error:
        return error.fixed
    except ValueError:
        return node.value
    return node.value
