"""Overlays merged into the documents that they patch, node by node, so that every part still knows where it was written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Report, Severity, Span
from headrace.document import Entry, Node, Scalar, Sequence
from headrace.document import Mapping as MappingNode
from headrace.spec import KINDS
from headrace.spec.wording import listed, nearest

_WHOLE = ("project", "environment", "overlay")
"""Kinds that no overlay patches: an environment says itself what it is."""
_LIKE = 0.8
"""How alike an added item's id is to another's, for a warning."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What one overlay says of one document."""

    overlay: str
    target: Address
    key: Span
    node: MappingNode


def patches(overlay: str, node: MappingNode, report: Report, known: Collection[Address] = ()) -> Iterator[Patch]:
    """What a valid overlay patches; a target that is no address, or none that can be patched, is a fault. `known` are what is there."""
    entry = node.get("patches")
    for patch in entry.value.entries if entry is not None and isinstance(entry.value, MappingNode) else ():
        if not isinstance(patch.value, MappingNode):
            continue  # said by its decoding
        kind, _, name = patch.key.partition("/")
        if not name or kind not in KINDS:
            address = _called(patch.key, known)
            if address is not None:
                fix = str(address)
                message = f"`{patch.key[:80]}` is no address: its kind is missing"
                report.add(Diagnostic("unmatched-patch", message, patch.key_span, help=f"write `{fix}`", replacement=fix, certain=True))
                yield Patch(overlay, address, patch.key_span, patch.value)
                continue
            meant, first = nearest(kind, KINDS), next(iter(sorted(map(str, known))), "model/employment")
            help_ = f"write `{meant}/{name or 'NAME'}`" if meant else f"write `KIND/NAME`, such as `{first}`"
            report.add(Diagnostic("unmatched-patch", f"`{patch.key[:80]}` is no address", patch.key_span, help=help_))
        elif kind in _WHOLE:
            message = f"an overlay cannot patch `{patch.key[:80]}`"
            report.add(Diagnostic("fixed-identity", message, patch.key_span, help="an environment's own values stand in its document"))
        else:
            yield Patch(overlay, Address(kind, name), patch.key_span, patch.value)


def _called(name: str, known: Collection[Address]) -> Address | None:
    """The only document of a name."""
    found = [address for address in known if address.name == name]
    return found[0] if len(found) == 1 else None


def unmatched(patch: Patch, known: Mapping[Address, object]) -> Diagnostic:
    """A patch of a document that does not exist."""
    above, _, below = patch.target.name.partition("/")
    owner = Address(patch.target.kind, above)
    if below and owner in known:
        keys = ".".join(below.split("/"))
        message = f"overlay/{patch.overlay} patches {patch.target}, and what is patched is a document"
        return Diagnostic("unmatched-patch", message, patch.key, help=f"write `{owner}:`, and below it `{keys}:` with what stands here")
    meant = nearest(str(patch.target), known)
    return Diagnostic(
        "unmatched-patch",
        f"overlay/{patch.overlay} patches {patch.target}, which does not exist",
        patch.key,
        caret=f"did you mean `{meant}`?" if meant else None,
        help=f"write `{meant}`" if meant else "`headrace show` lists all addresses",
        replacement=meant,
    )


def conflicts(found: list[Patch], base: Mapping[Address, Node]) -> Iterator[Diagnostic]:
    """What two overlays of one environment both say: the order of overlays is never what decides."""
    leaves: dict[tuple[Address, Path], tuple[str, Span]] = {}
    inner: dict[tuple[Address, Path], tuple[str, Span]] = {}
    for patch in found:
        own = {(patch.target, path): span for path, span in _leaves(patch.node, base.get(patch.target), ())}
        for (target, path), span in own.items():
            above = [(target, path[:length]) for length in range(1, len(path) + 1)]
            other = next((leaves[at] for at in above if at in leaves), None) or inner.get((target, path))
            if other is not None and other[0] != patch.overlay:
                message = f"overlay/{patch.overlay} and overlay/{other[0]} both say what {target} has at `{_said(path)}`"
                yield Diagnostic("conflicting-overlays", message, span, help="let one of them say it", related=(other[1],))
        for (target, path), span in own.items():
            leaves.setdefault((target, path), (patch.overlay, span))
            for length in range(1, len(path)):
                inner.setdefault((target, path[:length]), (patch.overlay, span))


def _leaves(node: Node, base: Node | None, path: Path) -> Iterator[tuple[Path, Span]]:
    """The paths at which a patch gives a value, items of lists by what names them."""
    key = _named_by(base, node) if isinstance(base, Sequence) else None
    items = {_name(item, key): item for item in reversed(base.items)} if key and isinstance(base, Sequence) else {}
    if isinstance(node, MappingNode) and node.entries:
        for entry in node.entries:
            inner = items.get(entry.key) if key else base.get(entry.key) if isinstance(base, MappingNode) else None
            below = inner.value if isinstance(inner, Entry) else inner
            for leaf, span in _leaves(entry.value, below, (*path, entry.key)):
                yield leaf, entry.key_span if isinstance(entry.value, Scalar) else span
    elif isinstance(node, Sequence) and key:
        for item in node.items:
            name = _name(item, key)
            if isinstance(item, MappingNode):
                rest = MappingNode(tuple(e for e in item.entries if e.key != key), item.span)
                yield from _leaves(rest, items.get(name), (*path, name))
    else:
        yield path, node.span


@dataclass(slots=True)
class Merging:
    """Merges patches; what matches nothing goes to the report."""

    report: Report
    removed: dict[tuple[Span, str], Span] = field(default_factory=dict)
    """By the key of a mapping and the key removed from it: where an overlay removed it."""
    _overlay: str = ""
    _target: str = ""

    def document(self, base: MappingNode, patch: Patch) -> MappingNode:
        """A document with one patch merged."""
        self._overlay, self._target = f"overlay/{patch.overlay}", str(patch.target)
        for word in ("kind", "name"):
            entry = patch.node.get(word)
            if entry is not None:
                message = f"{self._overlay} cannot change the `{word}` of {patch.target}"
                self.report.add(Diagnostic("fixed-identity", message, entry.key_span, help=f"remove `{word}`"))
        kept = MappingNode(tuple(e for e in patch.node.entries if e.key not in ("kind", "name")), patch.node.span)
        return self._mapping(base, kept, base.entries[0].key_span if base.entries else base.span, "")

    def _merged(self, base: Node | None, patch: Node, key: Span, said: str) -> Node:
        named = _named_by(base, patch) if isinstance(base, Sequence) else None
        if isinstance(base, MappingNode) and isinstance(patch, MappingNode):
            return self._mapping(base, patch, key, said)
        if isinstance(base, Sequence) and named and isinstance(patch, Sequence):
            return self._list(base, patch, named, said)
        if isinstance(base, Sequence) and named and isinstance(patch, MappingNode):
            return self._items(base, patch, named, said)
        self._nothing(patch, said)
        return patch

    def _mapping(self, base: MappingNode, patch: MappingNode, key: Span, said: str) -> MappingNode:
        entries = {entry.key: entry for entry in base.entries}
        for entry in patch.entries:
            old = entries.get(entry.key)
            where = f"{said}.{entry.key}" if said else entry.key
            if _removes(entry.value):
                if old is None:
                    self._unmatched(f"`{entry.key}`", said, entry.key, entry.key_span, entries)
                else:
                    del entries[entry.key]
                    self.removed[key, entry.key] = entry.key_span
                continue
            value = self._merged(old.value if old else None, entry.value, old.key_span if old else entry.key_span, where)
            both = old is not None and not isinstance(entry.value, Scalar) and value is not entry.value
            entries[entry.key] = old._replace(value=value) if old is not None and both else entry._replace(value=value)
        return MappingNode(tuple(entries.values()), base.span)

    def _list(self, base: Sequence, patch: Sequence, key: str, said: str) -> Sequence:
        items = {_name(item, key): item for item in base.items}
        known = list(items)
        seen: dict[str, Node] = {}
        for item in patch.items:
            name = _name(item, key)
            if seen.setdefault(name, item) is not item:
                self._twice(said, key, name, seen[name], item)
                continue
            if name not in items:
                meant = nearest(name, known, cutoff=_LIKE)
                if meant is not None and _is_part(item, base):
                    self._unmatched(f"item `{name}`", said, name, _place(item, key), items)
                    items[meant] = self._merged(items[meant], _without(item, key), _head(items[meant]), f"{said}[{meant}]")
                    continue
                if meant is not None:
                    message = f"{self._overlay} adds `{name}` to `{said}` of {self._target} beside `{meant}`"
                    help_ = f"write `{meant}` to change that one, or a name less like it for another one"
                    caret = f"did you mean `{meant}`?"
                    self.report.add(Diagnostic("added-item", message, _place(item, key), caret, help_, Severity.WARNING))
                self._nothing(item, f"{said}[{name}]")
                items[name] = item
                continue
            items[name] = self._merged(items[name], _without(item, key), _head(items[name]), f"{said}[{name}]")
        return Sequence(tuple(items.values()), base.span)

    def _twice(self, said: str, key: str, name: str, first: Node, second: Node) -> None:
        """Which of both is meant, nobody can tell: neither comes before the other."""
        other, place = _place(first, key), _place(second, key)
        message = f"`{said}` has two items with the {key} `{name}`: in line {other.line} and in line {place.line}"
        self.report.add(Diagnostic("duplicate-id", message, place, help="rename one of them", related=(other,)))

    def _items(self, base: Sequence, patch: MappingNode, key: str, said: str) -> Sequence:
        items = {_name(item, key): item for item in base.items}
        for entry in patch.entries:
            if entry.key not in items:
                self._unmatched(f"item `{entry.key}`", said, entry.key, entry.key_span, items)
            elif _removes(entry.value):
                del items[entry.key]
            else:
                items[entry.key] = self._merged(items[entry.key], entry.value, _head(items[entry.key]), f"{said}[{entry.key}]")
        return Sequence(tuple(items.values()), base.span)

    def _nothing(self, node: Node, said: str) -> None:
        """A `null` in what is new removes nothing."""
        for entry in node.entries if isinstance(node, MappingNode) else ():
            if _removes(entry.value):
                self._unmatched(f"`{entry.key}`", said, entry.key, entry.key_span, ())
            self._nothing(entry.value, f"{said}.{entry.key}")
        for item in node.items if isinstance(node, Sequence) else ():
            self._nothing(item, said)

    def _unmatched(self, what: str, said: str, word: str, span: Span, known: object) -> None:
        there = list(known) if isinstance(known, dict) else []
        meant = nearest(word, there)
        self.report.add(
            Diagnostic(
                "unmatched-patch",
                f"{self._overlay} speaks of {what}, which {f'`{said}` of ' if said else ''}{self._target} does not have",
                span,
                caret=f"did you mean `{meant}`?" if meant else None,
                help=f"write `{meant}`" if meant else f"there are {listed(there)}" if there else "remove it",
                replacement=meant,
            )
        )


def by_place(removed: Mapping[tuple[Span, str], Span]) -> dict[Span, dict[str, Span]]:
    """What was removed, by the place of the mapping that lost it."""
    found: dict[Span, dict[str, Span]] = {}
    for (key, word), place in removed.items():
        found.setdefault(key, {})[word] = place
    return found


def relocated(diagnostic: Diagnostic, removed: Mapping[Span, Mapping[str, Span]]) -> Diagnostic:
    """A fault that a removal made, where the removal stands; `removed` as `by_place` has it."""
    if diagnostic.id != "missing-key" or diagnostic.span is None:
        return diagnostic
    for word, place in removed.get(diagnostic.span, {}).items():
        if diagnostic.message.endswith(f" has no `{word}`"):
            return replace(diagnostic, span=place, related=(*diagnostic.related, diagnostic.span), help=f"remove `{word}: null`")
    return diagnostic


def _said(path: Path) -> str:
    return ".".join(map(str, path))


def _removes(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None and not node.style


def _named_by(base: Node | None, patch: Node) -> str | None:
    """What names the items of a list, in both: their `id`, or a judge's `metric`; None where nothing does."""
    items = [*(base.items if isinstance(base, Sequence) else ()), *(patch.items if isinstance(patch, Sequence) else ())]
    for key in ("id", "metric"):
        names = [_name(item, key) for item in items]
        own = [_name(item, key) for item in base.items] if isinstance(base, Sequence) else []
        if own and all(names) and len(set(own)) == len(own):
            return key
    return None


def _is_part(item: Node, base: Sequence) -> bool:
    """Whether an item lacks what every item of a list has: it says what differs in one of them, and is none by itself."""
    own = {entry.key for entry in item.entries} if isinstance(item, MappingNode) else set()
    common = [{entry.key for entry in other.entries} for other in base.items if isinstance(other, MappingNode)]
    return bool(common) and not set.intersection(*common) <= own


def _name(item: Node, key: str) -> str:
    entry = item.get(key) if isinstance(item, MappingNode) else None
    return entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""


def _without(item: Node, key: str) -> Node:
    return MappingNode(tuple(e for e in item.entries if e.key != key), item.span) if isinstance(item, MappingNode) else item


def _head(item: Node) -> Span:
    """What a missing key of an item is said at: its id, or its first key."""
    if isinstance(item, MappingNode) and item.entries:
        return _place(item, "id") if item.get("id") is not None else item.entries[0].key_span
    return item.span


def _place(item: Node, key: str) -> Span:
    entry = item.get(key) if isinstance(item, MappingNode) else None
    return entry.value.span if entry is not None else item.span
