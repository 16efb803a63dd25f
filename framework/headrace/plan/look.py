"""Whether the files that a plan's trainings would read can be read, by their headers alone, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.address import Address
from headrace.address import Path as Inner
from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.plan.scope import uses
from headrace.project import Project
from headrace.project.rules.references import references
from headrace.spec import Source


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with the sources, each fault at its place; `notes` say what was not looked at."""

    report: Report
    notes: tuple[str, ...] = ()


def look(project: Project, models: Iterable[str], root: Path) -> Looked:
    """Look once at each source that these models are trained on, however many read it; nothing is loaded where there is no model."""
    report, notes = Report(), []
    for address, source in _read(project, set(models)):
        if (why := _look(project, address, source, root, report)) is not None:
            notes.append(f"{address} {why}: not looked at; `headrace check {address}` reads it")
    for fault in report:
        if fault.span is not None and (root / fault.span.file).is_file():
            report.texts.setdefault(fault.span.file, (root / fault.span.file).read_text(encoding="utf-8"))
    return Looked(report, tuple(notes))


def _read(project: Project, models: set[str]) -> Iterator[tuple[Address, Source]]:
    used = {name for model in project.models if model.name in models for name in uses(model, project.specs)}
    told = [spec for address, spec in project.specs.items() if isinstance(spec, Source) and str(address) in used]
    used |= {str(other) for source in told for other in references(source)}  # what checks compare with is read, too
    for address, spec in sorted(project.specs.items()):
        if isinstance(spec, Source) and str(address) in used:
            yield address, spec


def _look(project: Project, address: Address, source: Source, root: Path, report: Report) -> str | None:
    """Look at one source; why that cannot be done, where it cannot."""
    from headrace.features.source import lacking, names, nearby

    try:
        if (why := nearby(root, source.name, source)) is not None:
            return why
        held = names(root, source.name, source, project.plugins.readers)
    except HeadraceError as error:
        for fault in error.report:
            report.add(replace(fault, span=project.where(address, _place(source, fault))))
        return None
    if held is None:
        return None
    for column, item in source.columns.items():
        inside = item.from_ or column
        if inside not in held:
            span = project.where(address, ("columns", column, "from") if item.from_ else ("columns", column), key=item.from_ is None)
            report.add(replace(lacking(source.name, column, inside, held), span=span))
    return None


def _place(source: Source, fault: Diagnostic) -> Inner:
    """The key by which a fault came: of a table that is not there, `table`."""
    return ("table",) if source.table is not None and f"`{source.table}`" in fault.message else ("uri",)
