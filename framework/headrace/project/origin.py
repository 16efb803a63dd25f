"""Where every value of a project came from: a line, a default, an overlay, a variable, the shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.address import Address, Path
from headrace.diagnostics import Span
from headrace.document import Mapping as MappingNode
from headrace.document import Node, Scalar, Sequence
from headrace.project.scope import Scope
from headrace.spec.value import Use


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value came from; without a place it is a default of the language."""

    place: Span | None = None
    overlay: str | None = None
    """The overlay in whose document it is written."""
    uses: tuple[Use, ...] = ()
    """The expressions that made it."""
    given: str | None = None
    """The strategy that made it, where nobody wrote it."""

    def __str__(self) -> str:
        if self.place is None:
            return "default" if self.given is None else f"made by the strategy {self.given}"
        said = [f"{self.place.file}:{self.place.line}"]
        if self.overlay is not None:
            said.append(f"overlay/{self.overlay}")
        for use in self.uses:
            scope, _, name = use.name.partition(".")
            if use.default:
                said.append(f"the default of {use.name}")
            elif use.place is not None:
                said.append(f"variable {name} of {use.place.file}:{use.place.line}")
            else:
                said.append(f"{scope}.{name} of the shell")
        return ", ".join(said)

    def to_json(self) -> dict[str, Any]:
        """As a program reads it."""
        return {
            "file": self.place.file if self.place else None,
            "line": self.place.line if self.place else None,
            "overlay": self.overlay,
            **({} if self.given is None else {"strategy": self.given}),
            "expressions": [
                {
                    "name": use.name,
                    "default": use.default,
                    "file": use.place.file if use.place else None,
                    "line": use.place.line if use.place else None,
                }
                for use in self.uses
            ],
        }


@dataclass(frozen=True, slots=True)
class Origins:
    """What is known of a project's values beside their places."""

    uses: Mapping[Span, tuple[Use, ...]] = field(default_factory=dict)
    """By the place of a scalar, the expressions that stood in it."""
    overlays: Mapping[str, Span] = field(default_factory=dict)
    """The documents of the overlays that were merged."""

    def of(self, scope: Scope, address: Address, path: Path) -> Origin:
        """Where a value came from."""
        node: Node = scope.nodes[address]
        place = node.span
        for part in path:
            if isinstance(node, MappingNode) and (entry := node.get(str(part))) is not None:
                node, place = entry.value, entry.key_span
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
                place = node.span
            elif isinstance(node, Scalar):
                break  # a short form: one value means several
            else:
                return Origin()
        if isinstance(node, Scalar):
            place = node.span
        overlay = next((name for name, span in self.overlays.items() if _within(place, span)), None)
        return Origin(place, overlay, self.uses.get(node.span, ()) if isinstance(node, Scalar) else ())

    def from_shell(self, scope: Scope, address: Address) -> Iterator[tuple[Path, tuple[Use, ...]]]:
        """The values of a document that the environment of the shell decided, each with its path."""
        if self.uses:
            yield from self._shell(scope.nodes[address], ())

    def _shell(self, node: Node, path: Path) -> Iterator[tuple[Path, tuple[Use, ...]]]:
        match node:
            case Scalar():
                found = tuple(use for use in self.uses.get(node.span, ()) if use.of_shell)
                if found:
                    yield path, found
            case Sequence(items):
                for position, item in enumerate(items):
                    yield from self._shell(item, (*path, position))
            case MappingNode(entries):
                for entry in entries:
                    yield from self._shell(entry.value, (*path, entry.key))


def _within(inner: Span, outer: Span) -> bool:
    return inner.file == outer.file and (outer.line, outer.column) <= (inner.line, inner.column) <= (outer.end_line, outer.end_column)
