"""What to write for a value of another type: the user's own value in another shape, or an example in the user's own names."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import NAME, Path
from headrace.document import Mapping, Node, Scalar, Sequence, write_flow
from headrace.spec.fits import fits
from headrace.spec.foreign import SAME
from headrace.spec.foreign_value import named, word
from headrace.spec.later import live
from headrace.spec.name import RefersTo, Registered, Speaks
from headrace.spec.place import Place, bare, keys, literals, members, metadata, model_of
from headrace.spec.plain import plain
from headrace.spec.quantity import write_duration
from headrace.spec.wording import nearest, wants

BETWEEN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|\.\.\.?|:|to|,)\s*(-?\d+(?:\.\d+)?)\s*")
"""Two numbers, as people write a range."""
_OWN: dict[str, tuple[Path, ...]] = {
    "unit": (("features", "entity"),),
    "maximize": (("gates", 0, "metric"),),
}
"""Where a document says already what an example of a key would be."""
ASKED = {
    ("feature_view", "time"): "a timestamp of its source",
    ("feature_view", "entity"): "the one of its source that says whose a row is",
    ("model", "time"): "a timestamp of its rows",
    ("model", "entity"): "the one of its rows that says whose a row is",
    ("model", "column"): "the one of its rows that holds the answer",
    ("batch", "key"): "the one of its input that says which row it is",
}
"""Columns that must be named, by kind and key; which there are, another document says: an example would name one that is not there."""


def entry(key: str, value: object) -> str:
    """A key with its value, as they are written; an item of a list as one."""
    if key.endswith("]"):
        return f"- {write_flow({'': value})[1:-1].partition(': ')[2]}"
    return write_flow({key: value})[1:-1]


def of_missing(place: Place, root: Place) -> str:
    """How a key that is missing is written."""
    example = example_of(place.field)
    own = _own(place.name, root)
    words = literals(place.annotation)
    if own is not None:
        return f"`{entry(place.name, own)}`"
    asked = (root.name.removeprefix("this "), place.name)
    if asked in ASKED and any(item == "column" for item in metadata(place.annotation, place.field) if isinstance(item, Speaks)):
        return of_column(*asked)
    if asked == ("overlay", "environment"):
        return "`environment:` with the name of the one that it is for"
    if example is not None:
        return f"for example `{entry(place.name, example)}`"
    return f"`{place.name}: {words[0]}`" if len(words) == 1 else f"`{place.name}:` with {wants(place.annotation, place.field)}"


def of_column(kind: str, key: str) -> str:
    """How a key that names a column is written by somebody who does not know which there are."""
    return f"`{key}: COLUMN` ({ASKED[kind, key]})"


def _own(key: str, root: Place) -> str | None:
    """What the document itself says that an example stands for."""
    for path in _OWN.get(key, ()):
        node: Node | None = root.node
        for part in path:
            if isinstance(node, Mapping):
                found = node.get(str(part))
                node = found.value if found is not None else None
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            else:
                node = None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
    return None


def shaped(place: Place) -> str:  # noqa: C901, PLR0911 - one line a shape
    """How to write it: the user's own value in another shape, or as the field's example is written."""
    node = place.node
    if isinstance(node, Scalar) and re.fullmatch(r"(?:var|env)\.\w+", node.text):
        return f'write "${{{node.text}}}"'
    variable = _variables(place)
    if variable is not None:
        return f"write the names as keys, such as `{variable}`"
    if isinstance(node, Sequence) and len(node.items) == 1 and isinstance(node.items[0], Mapping) and _values(place) is None:
        return "remove the `-`, or the `[` and `]` around it"
    inner = next((get_args(bare(t))[0] for t in members(place.annotation) if get_origin(bare(t)) is tuple), None)
    if isinstance(node, Mapping) and (item := model_of(inner)) is not None and all(e.key in keys(item) for e in node.entries):
        return f"put it in a list: `{entry(place.name, (plain(node),))}`"
    named_ = _by_names(place) if isinstance(node, Sequence) else None
    if named_ is not None:
        return f"write the names as keys, such as `{named_}`"
    only = _only(node)
    if only is not None and isinstance(node, Mapping) and (inner is not None and model_of(inner) is None):
        return f"write `{entry(place.name, [only.value])}`"
    several = node.items[0] if isinstance(node, Sequence) and node.items else None
    if isinstance(several, Scalar) and only is None and _simple(place) and not _collects(place):
        return f"write one of them, such as `{entry(place.name, several.value)}`"
    if only is not None and not {dict, list, tuple} & {get_origin(bare(t)) for t in members(place.annotation)} and _simple(place):
        return f"write `{entry(place.name, only.value)}`"
    if isinstance(node, Scalar) and (both := BETWEEN.fullmatch(node.text)) and isinstance(place.path[-1] if place.path else None, int):
        return f"write `[{both[1]}, {both[2]}]`"
    reference = _reference(place)
    if reference is not None:
        return f"write `{reference}`"
    example = _likely(place)
    return f"write for example `{entry(place.name, example)}`" if example is not None else f"write {wants(place.annotation, place.field)}"


def _collects(place: Place) -> bool:
    return bool({dict, list, tuple} & {get_origin(bare(t)) for t in members(place.annotation)})


def _variables(place: Place) -> str | None:
    """`variables: {rows: 500}` for a list of names, each with its value."""
    first = place.node.items[0] if isinstance(place.node, Sequence) and place.node.items else None
    inner = _values(place)
    name = first.get("name") if isinstance(first, Mapping) else None
    if inner is None or model_of(inner) is not None or name is None or not isinstance(first, Mapping) or not isinstance(name.value, Scalar):
        return None
    value = next((e.value for e in first.entries if e.key in ("value", "default")), None)
    return entry(place.name, {name.value.text: plain(value)}) if isinstance(value, Scalar) else None


def _reference(place: Place) -> str | None:
    """`source/asked` for `ref('asked')`."""
    kind = next((item for item in metadata(place.annotation, place.field) if isinstance(item, RefersTo)), None)
    name = named(place.node.text) if isinstance(place.node, Scalar) else None
    return f"{kind}/{name}" if kind is not None and name is not None else None


def whole(place: Place) -> str | None:
    """All that was meant, in the shape that the field wants: only where nothing would be missing from it."""
    if isinstance(place.node, Sequence):
        return _keyed(place)
    example = _worded(place)
    model = next((m for m in map(model_of, members(place.annotation)) if m is not None), None)
    if example is None or model is None or any(info.is_required() and key not in example for key, info in keys(model).items()):
        return None
    return write_flow(example)


def _keyed(place: Place) -> str | None:
    """`{basket: all, person: all}` for `[basket, person]`, where each name takes a word."""
    inner = _values(place)
    words = [value for member in members(inner) for value in literals(member)] if inner is not None else []
    items = place.node.items if isinstance(place.node, Sequence) else ()
    names = [item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if len(words) != 1 or not items or len(names) < len(items) or len(set(names)) < len(names):
        return None
    parts = [_PART.fullmatch(name) for name in names]
    below: dict[str, list[str]] = {}
    for part in parts:
        if part is not None:
            below.setdefault(part[1], []).append(part[2])
    if all(parts):
        return write_flow(below)
    own = [name.rpartition("/")[2] for name in names]
    return write_flow(dict.fromkeys(own, words[0])) if all(NAME.fullmatch(name) for name in own) else None


_PART = re.compile(r"([a-z][a-z0-9_-]*)[:.](\w+)")
"""`basket:spend_28d`."""


def _values(place: Place) -> Any:  # noqa: ANN401 - any annotation
    """What the values are of a field whose keys are names of the user's."""
    return next((get_args(bare(t))[1] for t in members(place.annotation) if get_origin(bare(t)) is dict), None)


def _by_names(place: Place) -> str | None:
    """The first of a list of named mappings as it would be written under its name."""
    inner = model_of(_values(place)) if _values(place) is not None else None
    first = place.node.items[0] if isinstance(place.node, Sequence) and place.node.items else None
    name = first.get("name") if isinstance(first, Mapping) else None
    if inner is None or name is None or not isinstance(name.value, Scalar) or not isinstance(first, Mapping):
        return None
    known = keys(inner)
    rest: dict[str, Any] = {}
    for other in first.entries:
        ours = other.key if other.key in known else next((key for key in SAME.get(other.key, ()) if key in known), None)
        if other is name or ours is None:
            continue
        said = word(ours, other.value.text, literals(known[ours].annotation)) if isinstance(other.value, Scalar) else None
        rest[ours] = said.word if said is not None and said.word is not None else plain(other.value)
    lacks = [key for key, info in known.items() if info.is_required() and key not in rest]
    rest |= {key: example_of(known[key]) for key in lacks}
    return entry(place.name, {name.value.text: rest or {next(iter(known)): name.value.text}})


def _simple(place: Place) -> bool:
    return not any(model_of(member) for member in members(place.annotation))


def _only(node: Node | None) -> Scalar | None:
    """The value that a list of one, or a mapping, is written around."""
    values: list[Node] = []
    match node:
        case Sequence(items):
            values = list(items)
        case Mapping(entries):
            values = [e.value for e in entries if e.key in ("default", "value")] or [e.value for e in entries]
        case _:
            pass
    return values[0] if len(values) == 1 and isinstance(values[0], Scalar) else None


def _likely(place: Place) -> Any:  # noqa: ANN401 - a value of the language
    """What may stand there: the user's own word, the field's example, the keys that must be there, or the default."""
    example, given = example_of(place.field), place.node.value if isinstance(place.node, Scalar) else None
    if isinstance(example, dict) and type(given) is int and all(type(value) is int for value in example.values()):
        return dict.fromkeys(example, given)
    own = _worded(place) or _listed(place)
    model = next((m for m in map(model_of, members(place.annotation)) if m is not None), None)
    if own is not None and model is not None:
        full = {key: example_of(info) for key, info in keys(model).items() if info.is_required()}
        return (example if isinstance(example, dict) and own.keys() <= example.keys() else full) | own
    if example is not None:
        return example
    if model is not None:
        return _of_model(model, place.node) or None
    default = place.field.default if place.field is not None else None
    return write_duration(default) if isinstance(default, timedelta) else default if isinstance(default, int | float | str) else None


def example_of(field: FieldInfo | None) -> Any:  # noqa: ANN401 - a value of the language
    """What a field's declaration gives as an example."""
    extra = field.json_schema_extra if field is not None else None
    return extra.get("example") if isinstance(extra, dict) else None


def _worded(place: Place) -> dict[str, Any] | None:  # noqa: PLR0911 - one line a way to be meant
    """A word in the place of a mapping, as the value of the first key that takes it, of those that must be there."""
    node = place.node
    model = next((m for m in map(model_of, members(place.annotation)) if m is not None), None)
    if model is None or not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    called = _CALL.fullmatch(node.value)
    if called is not None:
        ours = called[1] if called[1] in keys(model) else next((key for key in SAME.get(called[1], ()) if key in keys(model)), None)
        return {ours: called[2], **({"over": "28d"} if "over" in keys(model) else {})} if ours is not None else None
    if re.search(r"\s", node.value):
        return None
    required = {key: info for key, info in keys(model).items() if info.is_required()}
    first = dict([next(iter(live(model).items()))])
    for key, info in (required or first).items():
        if key in ("id", "name"):
            continue
        if any(isinstance(mark, Registered) for mark in metadata(info.annotation, info)) and node.value != node.value.casefold():
            return None
        said = word(key, node.value, literals(info.annotation))
        if said is not None and said.word is not None:
            return {key: said.word}
        if fits(info.annotation, info, node):
            return {key: node.value}
    return None


_CALL = re.compile(r"(\w+)\(\s*(\w+)\s*\)")
"""`sum(amount)`."""


def _listed(place: Place) -> dict[str, Any] | None:
    """A list in the place of a mapping, as the value of the first key that takes it."""
    model = next((m for m in map(model_of, members(place.annotation)) if m is not None), None)
    if model is None or not isinstance(place.node, Sequence):
        return None
    taking = (key for key, info in live(model).items() if fits(info.annotation, info, place.node))
    first = next(taking, None)
    return {first: list(plain(place.node))} if first is not None else None


def _of_model(model: type[BaseModel], node: Node | None) -> dict[str, Any]:
    """The keys that a mapping must have, with the user's own word for the one that has such a word."""
    found: dict[str, Any] = {}
    for key, info in keys(model).items():
        if info.is_required():
            near = nearest(node.text, literals(info.annotation)) if isinstance(node, Scalar) else None
            found[key] = near if near is not None else example_of(info)
    return found
