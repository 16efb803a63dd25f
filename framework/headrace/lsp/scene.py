"""A project as an editor has it: its files with the open buffers in their place, what is declared where, and what is in scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Report
from headrace.lsp.around import Around
from headrace.lsp.outline import Outline, top
from headrace.spec.vocabulary import Vocabulary, Word

_PREFER = "specs/headrace.yaml"


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a document stands: the file, and the line and columns of its name, from 0."""

    file: str
    line: int
    start: int
    end: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder of specs; `texts` are the open buffers by `specs/NAME`."""

    root: Path
    texts: Mapping[str, str]
    words: Mapping[str, Mapping[str, Word]] = field(default_factory=dict)

    def files(self) -> Iterator[tuple[str, str]]:
        """Every file with its text."""
        from headrace.project.read import SUFFIXES

        folder = self.root / "specs"
        there = {f"specs/{path.name}" for path in folder.iterdir() if path.suffix in SUFFIXES} if folder.is_dir() else set()
        for file in sorted(there | set(self.texts)):
            text = self.texts.get(file)
            try:
                yield file, text if text is not None else (self.root / file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue

    def declared(self) -> dict[Address, Declared]:
        """Every document by its address, as far as it can be read."""
        found: dict[Address, Declared] = {}
        for file, text in self.files():
            for outline, kind, name in top(text):
                said = next((item for item in outline.said if item.path == ("name",)), None)
                if kind and name and said is not None:
                    place = Declared(file, said.value_line, said.value_start, said.value_end, outline.value(("description",)) or "")
                    found.setdefault(Address(kind, name), place)
        return found

    def around(self) -> Around:
        """Every document, as far as it can be read."""
        found: dict[Address, Outline] = {}
        for _, text in self.files():
            for outline, kind, name in top(text):
                if kind and name:
                    found.setdefault(Address(kind, name), outline)
        return Around(found)

    def vocabulary(self) -> Vocabulary:
        """What may be written here."""
        names: dict[str, list[str]] = {}
        for address in sorted(self.declared()):
            names.setdefault(address.kind, []).append(address.name)
        return Vocabulary({kind: tuple(known) for kind, known in names.items()}, self.words)

    def check(self) -> dict[str, list[Diagnostic]]:
        """Every fault of the project by its file; one without a place stands in the project's own file."""
        from headrace import project

        report = Report()
        held = {file: text.encode("utf-8", "surrogatepass") for file, text in self.texts.items()}
        project.judge(self.root, report, instead=held)
        found: dict[str, list[Diagnostic]] = {}
        files = [file for file, _ in self.files()]
        nowhere = _PREFER if _PREFER in files or not files else files[0]
        for diagnostic in report:
            found.setdefault(diagnostic.span.file if diagnostic.span else nowhere, []).append(diagnostic)
        return found


def root_of(path: Path) -> tuple[Path, str] | None:
    """The project that a file belongs to, and what it is called there; None for a file that is no spec."""
    from headrace.project.read import SUFFIXES

    return (path.parent.parent, f"specs/{path.name}") if path.parent.name == "specs" and path.suffix in SUFFIXES else None


def registered(root: Path) -> dict[str, Mapping[str, Word]]:
    """What the plugins of a project register."""
    from headrace.hooks import load_plugins
    from headrace.project.vocabulary import vocabulary, words

    known = vocabulary(root).words if (root / "specs").is_dir() else None
    return dict(known or words(load_plugins(None, Report())))
