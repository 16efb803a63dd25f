"""Whether the files that a plan's trainings would read can be read, by their headers alone, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.address import Address
from headrace.diagnostics import HeadraceError, Report
from headrace.plan.scope import uses
from headrace.project import Project
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
        if _elsewhere(source.uri):
            notes.append(f"{address} is not on this machine: not looked at")
            continue
        _look(project, address, source, root, report)
    for fault in report:
        if fault.span is not None and (root / fault.span.file).is_file():
            report.texts.setdefault(fault.span.file, (root / fault.span.file).read_text(encoding="utf-8"))
    return Looked(report, tuple(notes))


def _read(project: Project, models: set[str]) -> Iterator[tuple[Address, Source]]:
    used = {name for model in project.models if model.name in models for name in uses(model, project.specs)}
    for address, spec in sorted(project.specs.items()):
        if isinstance(spec, Source) and str(address) in used:
            yield address, spec


def _elsewhere(uri: str) -> bool:
    scheme, separator, _ = uri.partition("://")
    return bool(separator) and scheme not in {"file", "package"}


def _look(project: Project, address: Address, source: Source, root: Path, report: Report) -> None:
    from headrace.features.source import lacking, names

    try:
        held = names(root, source.name, source.uri, project.plugins.readers)
    except HeadraceError as error:
        for fault in error.report:
            report.add(replace(fault, span=project.where(address, ("uri",))))
        return
    if held is None:
        return
    for column, item in source.columns.items():
        inside = item.from_ or column
        if inside not in held:
            span = project.where(address, ("columns", column, "from") if item.from_ else ("columns", column), key=item.from_ is None)
            report.add(replace(lacking(source.name, column, inside, held), span=span))
