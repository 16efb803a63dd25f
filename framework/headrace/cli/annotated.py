"""Faults at the places where a code host looks for them: files as the repository names them, and not as the project does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from headrace.diagnostics import Diagnostic, Edit, Report, Span


def annotated(report: Report, root: Path) -> Report:
    """The same faults with every file named from the top of the repository."""
    prefix = below(root)
    if not prefix:
        return report

    def placed(span: Span) -> Span:
        return span if Path(span.file).is_absolute() else span._replace(file=f"{prefix}/{span.file}")

    def moved(fault: Diagnostic) -> Diagnostic:
        return replace(
            fault,
            span=placed(fault.span) if fault.span is not None else None,
            related=tuple(placed(span) for span in fault.related),
            edits=tuple(Edit(placed(edit.span), edit.text) for edit in fault.edits),
        )

    return Report([moved(fault) for fault in report.found], {f"{prefix}/{file}": text for file, text in report.texts.items()})


def below(root: Path) -> str:
    """Where a project stands below the top of its repository, or below $GITHUB_WORKSPACE without one; nothing for the top itself."""
    here = root.resolve()
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    if top is None and (workspace := os.environ.get("GITHUB_WORKSPACE")):
        top = Path(workspace).resolve()
    inside = top is not None and here.is_relative_to(top)
    return here.relative_to(top).as_posix().removeprefix(".") if top is not None and inside else ""
