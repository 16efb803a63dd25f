"""What rules look at: every document that could be read, where each of its parts stands, and the plugins."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from collections.abc import Mapping as AnyMapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Concatenate, ParamSpec, TypeVar

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Span
from headrace.document import Mapping, Node, Scalar, Sequence
from headrace.hooks import Plugins
from headrace.spec import AnyKind, Spec
from headrace.spec.unknown import UnknownError
from headrace.spec.wording import only

S = TypeVar("S", bound=Spec)
T = TypeVar("T")
P = ParamSpec("P")


_NEAR = 0.8
"""How alike a name is to the one that was surely meant."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The documents of a folder by address, of a broken one what could be read, so that nothing follows from its faults."""

    specs: AnyMapping[Address, AnyKind]
    nodes: AnyMapping[Address, Mapping] = field(repr=False)
    broken: frozenset[Address] = frozenset()
    unread: frozenset[str] = frozenset()
    """Kinds of which a file that could not be read may hold a document, so that an absent address is not truly absent."""
    plugins: Plugins | None = field(default=None, repr=False)
    """None where some could not be loaded, so that an absent name may be theirs."""
    partial: bool = False
    """Whether some specs are of broken documents: what could be read of them, and `UnknownError` for the rest."""
    root: FilePath | None = field(default=None, repr=False, compare=False)
    """The project's folder, where a user's own modules stand."""
    _known: dict[tuple[Hashable, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, kind: type[S]) -> tuple[S, ...]:
        """All specs of one class, by name."""
        found: tuple[S, ...] = self.once(_of, kind)
        return found

    def once(self, function: Callable[..., T], *given: Hashable) -> T:
        """What a function says of this scope and of some values: asked once and kept, as neither ever changes."""
        key = (function, *given)
        if key not in self._known:
            self._known[key] = function(self, *given)
        found: T = self._known[key]
        return found

    def get(self, kind: type[S], address: Address | str) -> S | None:
        """One spec, or None where it is unknown or broken."""
        found = self.specs.get(Address.parse(address) if isinstance(address, str) else address)
        return found if isinstance(found, kind) else None

    def meant(self, kind: type[S], address: str) -> S | None:
        """One spec, or where there is none of that name the only one of nearly that name, which a fault about the name has told of."""
        found, wanted = self.get(kind, address), Address.parse(address)
        if found is not None or wanted in self.broken or wanted.kind in self.unread:
            return found
        near = only(wanted.name, (known.name for known in (*self.specs, *self.broken) if known.kind == wanted.kind), _NEAR)
        return self.get(kind, Address(wanted.kind, near)) if near is not None else None

    def where(self, address: Address, path: Path = (), *, key: bool = False) -> Span:
        """Where a part of a document stands: its value, or with `key` the key under which it stands; the nearest that is written."""
        node: Node = self.nodes[address]
        span = _first(node)
        for position, part in enumerate(path):
            last = position == len(path) - 1
            if isinstance(node, Mapping) and (entry := node.get(str(part))) is not None:
                node, span = entry.value, entry.key_span if key or not last or not isinstance(entry.value, Scalar) else entry.value.span
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
                span = _first(node)
            else:
                break
        return span

    def node(self, address: Address, path: Path) -> Node | None:
        """The node at a path, where it is written."""
        node: Node = self.nodes[address]
        for part in path:
            if isinstance(node, Mapping) and (entry := node.get(str(part))) is not None:
                node = entry.value
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            else:
                return None
        return node


def _first(node: Node) -> Span:
    """Where a reader looks for a node: a list's item by its id, a mapping by its first key."""
    if isinstance(node, Mapping) and node.entries:
        named = node.get("id")
        return named.value.span if named is not None and isinstance(named.value, Scalar) else node.entries[0].key_span
    return node.span


def _of(scope: Scope, kind: type[S]) -> tuple[S, ...]:
    classes = [found for found in scope.once(_by_class) if issubclass(found, kind)]
    if not classes:
        return ()
    if len(classes) == 1:
        return tuple(scope.once(_by_class)[classes[0]])
    return tuple(spec for _, spec in sorted(scope.specs.items()) if isinstance(spec, kind))


def _by_class(scope: Scope) -> dict[type, list[Any]]:
    """All specs, by name; a project has few classes, and may have a thousand documents of one."""
    found: dict[type, list[Any]] = {}
    for address in sorted(scope.specs):
        spec = scope.specs[address]
        found.setdefault(type(spec), []).append(spec)
    return found


Question = Callable[Concatenate[Scope, P], Iterator[Diagnostic]]


def question(ask: Question[P]) -> Question[P]:
    """Part of a rule that is asked and answered by itself: it ends where it would read what could not be read, and others go on.

    So nothing is ever said that follows from a fault which was said; what a question said before it ended holds whatever stands there.
    """

    def asked(scope: Scope, /, *given: P.args, **named: P.kwargs) -> Iterator[Diagnostic]:
        found = ask(scope, *given, **named)
        return _as_far_as_known(found) if scope.partial else found

    asked.__doc__ = ask.__doc__
    return asked


def _as_far_as_known(found: Iterator[Diagnostic]) -> Iterator[Diagnostic]:
    with suppress(UnknownError):
        yield from found


def address_of(spec: AnyKind) -> Address:
    """A spec's address."""
    return Address(spec.kind, spec.name)
