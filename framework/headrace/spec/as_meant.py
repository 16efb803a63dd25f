"""A document as it was surely meant: each slip that can only be one thing read as that, so that what lies behind it is judged as well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import Entry, Mapping, Node, Scalar, Sequence, parse
from headrace.spec.foreign import SAME
from headrace.spec.place import Place, discriminator, keys, literals, members, model_of


@dataclass(slots=True)
class Changes:
    """What a fault says of the shape that was meant; each part of the document by its identity."""

    moved: list[tuple[Entry, Mapping]] = field(default_factory=list)
    """Keys, each with the mapping that it belongs in."""
    opened: list[Entry] = field(default_factory=list)
    """Keys whose content belongs where they stand."""
    named: list[Sequence] = field(default_factory=list)
    """Lists of what has a `name`, where names are keys."""
    tags: list[tuple[Mapping, Entry]] = field(default_factory=list)
    """Mappings, each with the key that it lacks, as the others of its keys have it: good for telling, not for building on."""


def as_meant(node: Mapping, found: Iterable[Diagnostic], changes: Changes) -> Mapping:
    """The document with its certain changes made, every part still in its own place; the same where there are none."""
    fixes = {d.span: d.replacement for d in found if d.certain and d.span is not None and d.replacement is not None and not d.edits}
    # A number that was meant as text, or a word as a list of one, may as well be another slip.
    fixes = {span: text for span, text in fixes.items() if text[:1] not in ('"', "[")}
    if not (fixes or changes.moved or changes.opened or changes.named):
        return node
    changed = _Changing(fixes, changes).node(node)
    return changed if isinstance(changed, Mapping) else node


def with_tags(node: Mapping, changes: Changes) -> Mapping:
    """The document with the tags that its mappings seem to mean."""
    changed = _Changing({}, Changes(tags=changes.tags)).node(node)
    return changed if isinstance(changed, Mapping) else node


def seeming(place: Place) -> Entry | None:
    """The tag that the keys of a mapping speak for: none where they speak for several."""
    tag, node = discriminator(place), place.node
    if tag is None or not isinstance(node, Mapping):
        return None
    words = {entry.key for entry in node.entries}
    given = words.union(*(SAME.get(word, ()) for word in words))
    models = [model for model in map(model_of, members(place.annotation)) if model is not None]
    fitting: list[tuple[int, Any]] = sorted((len(given & set(keys(model))), literals(keys(model)[tag].annotation)) for model in models)
    (second, _), (best, tags) = fitting[-2:]
    default = getattr(place.field.default, tag, None) if place.field is not None else None
    # A word of another tool says nothing of the kind, and whoever writes it means what is usual.
    usual = default if words & SAME.keys() else None
    word = usual if best == second else tags[0] if len(tags) == 1 else None
    return Entry(tag, node.span, Scalar(word, str(word), node.span)) if word is not None else None


def plainest(place: Place) -> Entry | None:
    """The tag under which a mapping needs nothing else: where its keys speak for none, they can be judged by that."""
    tag, node = discriminator(place), place.node
    if tag is None or node is None:
        return None
    for model in filter(None, map(model_of, members(place.annotation))):
        words = literals(keys(model)[tag].annotation)
        if len(words) == 1 and not any(info.is_required() for key, info in keys(model).items() if key != tag):
            return Entry(tag, node.span, Scalar(words[0], words[0], node.span))
    return None


def by_name(node: Sequence) -> Mapping | None:
    """A list of mappings that have a `name` each as a mapping by those names; None for any other list."""
    entries: list[Entry] = []
    for item in node.items:
        named = item.get("name") if isinstance(item, Mapping) else None
        if named is None or not isinstance(item, Mapping) or not isinstance(named.value, Scalar):
            return None
        rest = Mapping(tuple(entry for entry in item.entries if entry is not named), item.span)
        entries.append(Entry(named.value.text, named.value.span, rest))
    return Mapping(tuple(entries), node.span) if entries and len({e.key for e in entries}) == len(entries) else None


class _Changing:
    """The changes of one document, each found by the part that it changes."""

    def __init__(self, fixes: dict[Span, str], changes: Changes) -> None:
        self.fixes = fixes
        self._kept = changes  # so that no identity is given to another part meanwhile
        self._moved = {id(entry) for entry, _ in changes.moved}
        self._opened = {id(entry) for entry in changes.opened}
        self._named = {id(node) for node in changes.named}
        self._put: dict[int, list[Entry]] = {}
        for entry, target in (*changes.moved, *((tag, owner) for owner, tag in changes.tags)):
            self._put.setdefault(id(target), []).append(entry)

    def node(self, node: Node) -> Node:
        # A word in the place of a mapping may be another slip than the one that its shape says.
        if node.span in self.fixes and (isinstance(node, Sequence) or not (isinstance(node, Mapping) or self.fixes[node.span][:1] == "{")):
            return _written(self.fixes[node.span], node.span) or node
        match node:
            case Scalar():
                return node
            case Sequence() if id(node) in self._named:
                named = by_name(node)
                return self.node(named) if named is not None else node
            case Sequence(items, span):
                new = tuple(self.node(item) for item in items)
                return node if all(a is b for a, b in zip(new, items, strict=True)) else Sequence(new, span)
            case Mapping():
                return self.mapping(node)

    def mapping(self, node: Mapping) -> Mapping:
        there = {entry.key for entry in node.entries}
        entries: list[Entry] = []
        for entry in node.entries:
            if id(entry) in self._moved:
                continue
            if id(entry) in self._opened and isinstance(entry.value, Mapping):
                entries += [inner for inner in self.mapping(entry.value).entries if inner.key not in there]
                continue
            word = self.fixes.get(entry.key_span)
            value = self.node(entry.value)
            if word is not None and word not in there:
                entry = entry._replace(key=word)  # noqa: PLW2901 - the same key, as it was meant
                there.add(word)
            entries.append(entry if value is entry.value else entry._replace(value=value))
        for entry in self._put.get(id(node), ()):
            if entry.key not in there:
                entries.append(entry._replace(value=self.node(entry.value)))
        same = len(entries) == len(node.entries) and all(a is b for a, b in zip(entries, node.entries, strict=True))
        return node if same else Mapping(tuple(entries), node.span)


def _written(text: str, span: Span) -> Node | None:
    """What a replacement reads as, all of it in the place of what it replaces."""
    aside = Report()
    found = parse(text, span.file, aside)
    return _put(found[0], span) if len(found) == 1 and not aside.found else None


def _put(node: Node, span: Span) -> Node:
    match node:
        case Scalar():
            return node._replace(span=span)
        case Sequence(items):
            return Sequence(tuple(_put(item, span) for item in items), span)
        case Mapping(entries):
            return Mapping(tuple(Entry(entry.key, span, _put(entry.value, span)) for entry in entries), span)
