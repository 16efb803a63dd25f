"""Whether what a server would read is what the specs mean by now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headrace.diagnostics import Diagnostic, HeadraceError, Report, Severity


def behind(root: Path, models: Sequence[str]) -> Diagnostic | None:
    """A warning where the compiled files of these models' servers are older than the specs; None where they are not, or there are no specs.

    Read by the environment that flows/ was compiled for. A model that has left the specs goes on as it was compiled.
    """
    from headrace import project
    from headrace.cli.compile import stale
    from headrace.compiled import WORKSPACE, read_workspace
    from headrace.compiler import compile_project

    report = Report()
    try:
        loaded = project.load(root, report, read_workspace(root).environment)
        if any(fault.id == "no-specs" for fault in report):
            return None
        if loaded is None or not report.ok:
            return _warning("the specs have faults, so nothing says whether what is served is what they mean", "headrace validate")
        compiled = compile_project(loaded)
    except HeadraceError as error:
        why = "; ".join(fault.message for fault in error.report)
        return _warning(f"nothing says whether what is served is what the specs mean: {why}", "headrace compile --check")
    paths = [f"flows/{model}.serving.json" for model in models]
    if not stale(root, compiled):  # where a model has left, its compiled files tell of a project that the specs alone do not mean
        paths.append(f"flows/{WORKSPACE}")
    old = [path for path in paths if path in compiled and _text(root / path) != compiled[path]]
    if not old:
        return None
    said = "is" if len(old) == 1 else "are"
    return _warning(f"{', '.join(old)} {said} not what the specs mean by now, and {said} served as compiled", "headrace compile")


def _warning(message: str, command: str) -> Diagnostic:
    return Diagnostic("flows-behind", message, severity=Severity.WARNING, help=f"type `{command}`, and serve again")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
