"""A folder's `specs/` to a project: every file read, every fault of every document and of the whole said at once."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.address import NAME, Address
from headrace.diagnostics import Diagnostic, Report, Severity, Span
from headrace.document import Mapping, Scalar, parse
from headrace.hooks import Plugins, load_plugins
from headrace.project import environment as environments
from headrace.project.project import Project
from headrace.project.recover import declared
from headrace.project.rules import RULES
from headrace.project.scope import Scope, address_of
from headrace.spec import KINDS, AnyKind
from headrace.spec import Project as ProjectSpec
from headrace.spec.decode import decode

SUFFIXES = (".yaml", ".yml")
"""Files that hold specs."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the files hold, before anything is judged over the whole."""

    specs: dict[Address, AnyKind]
    nodes: dict[Address, Mapping]
    broken: frozenset[Address]
    unread: frozenset[str]


def load(
    root: Path,
    report: Report,
    environment: str | None = None,
    *,
    plugins: Plugins | None = None,
    instead: AnyMapping[str, bytes | None] | None = None,
) -> Project | None:
    """The project of a folder, or None after errors; warnings and notes leave it standing.

    `environment` names the one to use: the only one, or `dev`, where it is not given. `plugins` replaces those that are installed.
    `instead` holds what to read in the place of some files, by `specs/NAME`: other bytes, or None for a file that is not there.
    """
    found = Report(texts=report.texts)
    read = _read(root, found, instead or {})
    own = next((spec for spec in read.specs.values() if isinstance(spec, ProjectSpec)), None)
    scope = Scope(read.specs, read.nodes, read.broken, read.unread)
    scope = replace(scope, plugins=plugins if plugins is not None else _plugins(root, own, found))
    for rule in RULES:
        found.extend(rule(scope))
    chosen = environments.choose(scope, environment, found)
    report.extend(found.found)
    if not found.ok or own is None or chosen is None:
        return None
    return Project(root, own, chosen, scope, dict(read.specs))


def _plugins(root: Path, declared: ProjectSpec | None, report: Report) -> Plugins | None:
    if declared is None:
        return None
    before = len(report.errors)
    found = load_plugins(root, report, allow=declared.plugins.allow, deny=declared.plugins.deny)
    return found if len(report.errors) == before else None


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
        what = "a folder" if path.is_dir() else "no YAML file"
        message = f"{name} is not read: it is {what}"
        place = Span(name, 1, 1, 1, 1)
        report.add(Diagnostic("not-read", message, place, help="specs stand in specs/*.yaml or *.yml", severity=Severity.NOTE))


def _read(root: Path, report: Report, instead: AnyMapping[str, bytes | None]) -> _Read:
    specs: dict[Address, AnyKind] = {}
    nodes: dict[Address, Mapping] = {}
    broken: set[Address] = set()
    unread: set[str] = set() if (root / "specs").is_dir() else set(KINDS)
    for path in _files(root, report, instead):
        file = f"specs/{path.name}"
        before = len(report.errors)
        try:
            content = instead.get(file)
            documents = parse(path.read_bytes() if content is None else content, file, report)
        except OSError as error:
            report.add(Diagnostic("unreadable-file", f"{file} cannot be read: {error.strerror}", Span(file, 1, 1, 1, 1)))
            documents = ()
        # A duplicate key is a fault, and yet both of the document's ends were seen.
        if any(d.id != "duplicate-key" for d in report.errors[before:]):
            known, others = declared(report.texts.get(file, "?"))
            broken |= known
            unread |= others
        for node in documents:
            faults = len(report.errors)
            spec = decode(node, report)
            if not isinstance(node, Mapping):
                unread |= set(KINDS)
                continue
            address = address_of(spec) if spec is not None else _address(node)
            if address is None:
                unread |= _kinds(node)
            elif address in nodes:
                report.add(_twice(address, nodes[address], node))
            else:
                nodes[address] = node
                if spec is not None and len(report.errors) == faults:
                    specs[address] = spec
                else:
                    broken.add(address)
    return _Read(specs, nodes, frozenset(broken - set(specs)), frozenset(unread))


def _address(node: Mapping) -> Address | None:
    """What a broken document is called, where that at least can be read."""
    words = [entry.value.text if (entry := node.get(key)) and isinstance(entry.value, Scalar) else "" for key in ("kind", "name")]
    return Address(*words) if words[0] in KINDS and NAME.fullmatch(words[1]) else None


def _kinds(node: Mapping) -> set[str]:
    """What a document without a name may be."""
    entry = node.get("kind")
    word = entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""
    return {word} if word in KINDS else set(KINDS)


def _twice(address: Address, first: Mapping, second: Mapping) -> Diagnostic:
    before, here = first.get("name"), second.get("name")
    if before is None or here is None:
        raise AssertionError(address)
    place = before.value.span
    message = f"{address} stands twice: in {place.file}:{place.line} too"
    return Diagnostic("duplicate-address", message, here.value.span, help="rename one of them", related=(place,))
