"""A folder's `specs/` to documents with their addresses, before anything is replaced, merged or judged."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path

from headrace.address import Address, form
from headrace.diagnostics import Diagnostic, Report, Severity, Span
from headrace.document import Mapping, Node, Scalar, parse
from headrace.project.recover import declared
from headrace.spec import KINDS, value
from headrace.spec.decode import read as decoded
from headrace.spec.secret import SCHEMES

SUFFIXES = (".yaml", ".yml")
"""Files that hold specs."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One document as it stands in its file."""

    node: Node
    address: Address | None
    """None where its kind or name cannot be read."""
    expressions: bool
    """Whether its file holds `${`, so that something of it may have to be replaced."""
    references: bool
    """Whether its file holds what may be a reference to a secret."""
    again: bool = False
    """Whether its address stands in another document already."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """All documents of a folder, in the order of its files."""

    all: tuple[Draft, ...]
    hidden: frozenset[Address] = frozenset()
    """What files that could not be read declare, as far as their lines say."""
    unread: frozenset[str] = frozenset()
    """Kinds of which such a file may hold another document, so that an absent address is not truly absent."""

    @property
    def whole(self) -> bool:
        """Whether every file could be read."""
        return not self.hidden and not self.unread

    def of(self, *kinds: str) -> Iterator[tuple[Address, Mapping]]:
        """Those of some kinds that are mappings and have an address of their own, by address."""
        for draft in sorted(self.named, key=lambda d: (d.address.kind, d.address.name) if d.address else ("", "")):
            if draft.address is not None and draft.address.kind in kinds and isinstance(draft.node, Mapping):
                yield draft.address, draft.node

    @property
    def named(self) -> tuple[Draft, ...]:
        """Those that have an address of their own."""
        return tuple(draft for draft in self.all if draft.address is not None and not draft.again)


def read(root: Path, report: Report, instead: AnyMapping[str, bytes | None]) -> Drafts:
    """Every document of `specs/`; faults of files and of addresses go to the report. `instead` is as in `load`."""
    found: list[Draft] = []
    first: dict[Address, Mapping] = {}
    hidden: set[Address] = set()
    unread: set[str] = set() if (root / "specs").is_dir() else set(KINDS)
    for path in _files(root, report, instead):
        file = f"specs/{path.name}"
        before = len(report.found)
        try:
            content = instead.get(file)
            nodes = parse(path.read_bytes() if content is None else content, file, report)
        except OSError as error:
            report.add(Diagnostic("unreadable-file", f"{file} cannot be read: {error.strerror}", Span(file, 1, 1, 1, 1)))
            nodes = ()
        # A duplicate key is a fault, and yet both of the document's ends were seen.
        text = report.texts.get(file, "?")
        if any(d.id != "duplicate-key" and d.severity is Severity.ERROR for d in report.found[before:]):
            known, others = declared(text)
            hidden |= known
            unread |= others
        marks = value.holds(text), any(scheme in text for scheme in SCHEMES)
        for node in nodes:
            address = (_address(node) or _meant(node)) if isinstance(node, Mapping) else None
            if address is None:
                unread |= _kinds(node)
            again = address is not None and address in first
            if address is not None and again:
                report.add(_twice(address, first[address], node))
            elif address is not None and isinstance(node, Mapping):
                first[address] = node
            found.append(Draft(node, address, *marks, again))
    if any(d.id == "specs-subfolder" for d in report.found):
        unread |= set(KINDS)  # what stands there may be what others refer to
    return Drafts(tuple(found), frozenset(hidden - first.keys()), frozenset(unread))


def _files(root: Path, report: Report, instead: AnyMapping[str, bytes | None]) -> Iterator[Path]:
    folder = root / "specs"
    if not folder.is_dir():
        report.add(Diagnostic("no-specs", f"{root} has no folder `specs`", help="type `headrace init`"))
        return
    given = {root / name: content for name, content in instead.items()}
    for path in sorted({*folder.iterdir(), *given} - {path for path, content in given.items() if content is None}):
        if path.name.startswith("."):
            continue
        if path.suffix in SUFFIXES and (path in given or path.is_file()):
            yield path
            continue
        name = f"specs/{path.name}"
        below = next((p for p in sorted(path.rglob("*")) if p.suffix in SUFFIXES and p.is_file()), None) if path.is_dir() else None
        if below is not None:
            report.add(_subfolder(name, f"specs/{below.relative_to(folder).as_posix()}"))
            continue
        if path.is_dir() and any(below.is_file() for below in path.rglob("*")):
            continue  # what specs name, such as a card or golden requests
        what = "an empty folder" if path.is_dir() else "no YAML file"
        message = f"{name} is not read: it is {what}"
        place = Span(name, 1, 1, 1, 1)
        report.add(Diagnostic("not-read", message, place, help="specs stand in specs/*.yaml or *.yml", severity=Severity.NOTE))


def _subfolder(name: str, spec: str) -> Diagnostic:
    message = f"{spec} is not read: specs stand in `specs/` itself, and in no folder below it"
    return Diagnostic("specs-subfolder", message, Span(name, 1, 1, 1, 1), help=f"type `mv {spec} specs/`")


def _address(node: Mapping) -> Address | None:
    """What a document is called, broken or not, where that at least can be read."""
    words = [entry.value.text if (entry := node.get(key)) and isinstance(entry.value, Scalar) else "" for key in ("kind", "name")]
    return Address(*words) if words[0] in KINDS and form(words[0]).fullmatch(words[1]) else None


def _meant(node: Mapping) -> Address | None:
    """What a document is called once the slips that can only be one thing are read as that; they are said when it is decoded."""
    understood = decoded(node, Report()).node
    return _address(understood) if understood is not node and isinstance(understood, Mapping) else None


def _kinds(node: Node) -> set[str]:
    """What a document without a name may be."""
    entry = node.get("kind") if isinstance(node, Mapping) else None
    word = entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""
    return {word} if word in KINDS else set(KINDS)


def _twice(address: Address, first: Mapping, second: Node) -> Diagnostic:
    place, here = (_named(node) for node in (first, second))
    message = f"{address} stands twice: in {place.file}:{place.line} too"
    return Diagnostic("duplicate-address", message, here, help="rename one of them", related=(place,))


def _named(node: Node) -> Span:
    """Where a document has its name, or begins."""
    entry = node.get("name") if isinstance(node, Mapping) else None
    return entry.value.span if entry is not None else node.span
