"""One fault as a value, and a collection of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from headrace.diagnostics.exit import Exit


class Severity(StrEnum):
    """How grave a diagnostic is; only an error makes a spec invalid."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Span(NamedTuple):
    """A range of text: lines and columns count from 1, columns in characters, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, order=True, slots=True)
class Edit:
    """A change of text: what stands in the range is replaced; an empty range is a place to write at."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault: a stable id, a headline in the user's words, a place, and what to type."""

    id: str
    message: str
    span: Span | None = None
    caret: str | None = None
    """Said beside the caret, such as "did you mean `confidence`?"."""
    help: str | None = None
    severity: Severity = Severity.ERROR
    replacement: str | None = None
    """The text that would mend it, in the place of what stands at `span`."""
    related: tuple[Span, ...] = ()
    certain: bool = False
    """Whether its change can only be the one that was meant, so that `validate --fix` may write it; else an editor may offer it."""
    edits: tuple[Edit, ...] = ()
    """The change that would mend it, where that is more than a replacement."""

    @property
    def change(self) -> tuple[Edit, ...]:
        """All that would mend it."""
        if self.edits or self.replacement is None or self.span is None:
            return self.edits
        return (Edit(self.span, self.replacement),)


@dataclass(slots=True)
class Report:
    """Faults in the order of their place; collecting them never stops the work."""

    found: list[Diagnostic] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """The text of each file that was read, so that a fault can be shown in its line."""

    def add(self, diagnostic: Diagnostic) -> None:
        """Take one more."""
        self.found.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take several more."""
        self.found.extend(diagnostics)

    def __iter__(self) -> Iterator[Diagnostic]:
        order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
        nowhere = Span("", 0, 0, 0, 0)
        return iter(sorted(self.found, key=lambda d: (d.span or nowhere, order[d.severity], d.id, d.message)))

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that make the specs invalid."""
        return list(Report([d for d in self.found if d.severity is Severity.ERROR]))

    @property
    def ok(self) -> bool:
        """Whether nothing found is an error."""
        return all(d.severity is not Severity.ERROR for d in self.found)


class HeadraceError(Exception):
    """Faults that ended a command: raised once, at the public border."""

    def __init__(self, report: Report | Diagnostic, code: Exit = Exit.FAILED) -> None:
        self.report = Report([report]) if isinstance(report, Diagnostic) else report
        self.code = code
        super().__init__("; ".join(f"{d.severity}[{d.id}]: {d.message}" for d in self.report))
        for told in self.report:
            if told.help:  # a traceback in a notebook or in Prefect's UI shows it, too
                self.add_note(f"help: {told.help}")

    def __reduce__(self) -> tuple[type[Self], tuple[Report, Exit]]:
        """What was raised on a worker of a cluster is raised here as what it is; its notes are made anew."""
        return type(self), (self.report, self.code)
