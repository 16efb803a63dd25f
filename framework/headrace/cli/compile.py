"""`headrace compile`: the compiled files beside those on disk, and what writing them changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.place import environment_option, json_option, load_project, read_once, root_option
from headrace.cli.selecting import select_options
from headrace.cli.view import show
from headrace.cli.whole import write
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.project import Project


@click.command("compile")
@click.option("--check", is_flag=True, help="Write nothing; print what would change, and end with exit code 2 if anything would.")
@select_options
@environment_option
@root_option
@json_option
def command(environment: str | None, root: Path, select: tuple[str, ...], exclude: tuple[str, ...], *, check: bool, as_json: bool) -> None:
    """Write the flows and serving configs that the specs mean.

    Only what changed is written, and a compiled file of a model that left is removed, unless the store knows it as one that still answers:
    then its files stay until an apply removes it. --select and --exclude are those of `headrace plan`,
    but for `state:`: only files of the models that they mean are written, checked or removed, and flows/headrace.json with the project
    itself (`kind:project`).

    \b
    Example:
      headrace compile
      headrace compile --check     # in CI: exit code 2 when the flows are stale
      headrace compile --select label:tier=critical
    """  # noqa: D301 - click's own mark
    from headrace.compiler import compile_project

    read_once()
    project = load_project(root, environment, to_run=True)
    notes: list[str] = []
    compiled = compile_project(project)
    if stale(root, compiled):
        project, notes = _going_on(root, project, check=check)
        compiled = compile_project(project)
    stands, gone = on_disk(root, compiled), stale(root, compiled)
    files, removed = _meant(project, compiled, gone, select, exclude) if select or exclude else (compiled, gone)
    written = [path for path in stands if path in files]
    left = sorted({*stands, *gone}.difference(written, removed))
    result: dict[str, Any] = {
        "written": written,
        "removed": removed,
        "unchanged": len(files) - len(written),
        "left": left,
        "notes": notes,
        "check": check,
    }
    if check:
        before = {path: _bytes(root / path) for path in written}
        result["diff"] = difference(before, {path: files[path] for path in written}, {path: (root / path).read_bytes() for path in removed})
    else:
        carry_out(root, {path: files[path] for path in written}, removed)
    show(result, _text, as_json=as_json)
    if check and (written or removed):
        raise click.exceptions.Exit(Exit.CHANGES)


def _going_on(root: Path, project: Project, *, check: bool) -> tuple[Project, list[str]]:
    """The project with what left the files and still answers; a check, which may run where no store is, says what it could not ask."""
    from headrace.cli.leaving import going_on

    try:
        return going_on(root, project)
    except HeadraceError as error:
        if not check:
            raise
        why = "; ".join(fault.message for fault in error.report)
        return project, [f"Nothing says whether a model that left the files still answers: {why}."]


def _meant(
    project: Project, compiled: Mapping[str, str], gone: list[str], select: tuple[str, ...], exclude: tuple[str, ...]
) -> tuple[dict[str, str], list[str]]:
    """The compiled files, and those that are no longer, of what a selection means."""
    from headrace.cli.selecting import models
    from headrace.plan.scope import WHOLE, is_of

    chosen = models(project, select, exclude)
    whole = f"project/{project.project.name}" in chosen

    def has(path: str) -> bool:
        return whole if path in WHOLE else any(is_of(path, address) for address in chosen)

    return {path: text for path, text in compiled.items() if has(path)}, [path for path in gone if has(path)]


def _text(result: Mapping[str, Any]) -> str:
    fine = "The compiled files are what the specs mean."
    left = result["left"]
    if left:
        fine = "The compiled files that were selected are what the specs mean."
    rest = [f"Not selected, and stale: {', '.join(left)}."] if left else []
    rest += result["notes"]
    if result["check"]:
        changes = len(result["written"]) + len(result["removed"])
        said = f"{changes} compiled file{'s are' if changes != 1 else ' is'} stale: `headrace compile` writes them."
        return "\n".join([f"{result['diff']}{said}" if changes else fine, *rest])
    lines = [*(f"wrote    {path}" for path in result["written"]), *(f"removed  {path}" for path in result["removed"])]
    return "\n".join([*([*lines, f"{result['unchanged']} unchanged"] if lines else [fine]), *rest])


def on_disk(root: Path, files: Mapping[str, str]) -> list[str]:
    """The compiled files that are not there as they are meant; HeadraceError where a Python file stands there that is not ours."""
    from headrace.compiled import is_compiled

    written = []
    for path, text in files.items():
        content = _bytes(root / path)
        if content == text.encode():
            continue
        written.append(path)
        if path.endswith(".py") and content is not None and not is_compiled(path, content.decode(errors="replace")):
            message = f"{path} was not compiled by headrace, and would be written over"
            raise HeadraceError(Diagnostic("foreign-file", message, help=f"move it away: `mv {path} .`"), Exit.REFUSED)
    return written


def _bytes(path: Path) -> bytes | None:
    """What stands in a file; None where there is none."""
    return path.read_bytes() if path.is_file() else None


def stale(root: Path, files: Mapping[str, str]) -> list[str]:
    """The files under `flows/` that were compiled once and are no longer, sorted."""
    from headrace.compiled import is_compiled

    folder = root / "flows"
    there = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    left = [path for path in there if f"flows/{path.name}" not in files]
    return [f"flows/{path.name}" for path in left if is_compiled(path.name, path.read_text(encoding="utf-8", errors="replace"))]


def carry_out(root: Path, files: Mapping[str, str], removed: list[str]) -> None:
    """Write each file whole or not at all, then remove what is no longer compiled."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, text.encode())
    for path in removed:
        (root / path).unlink(missing_ok=True)


def difference(before: Mapping[str, bytes | None], written: Mapping[str, str], removed: Mapping[str, bytes]) -> str:
    """A unified diff from the files on disk to the compiled ones."""
    from difflib import unified_diff

    changes = {path: (before[path], text) for path, text in written.items()} | {path: (content, None) for path, content in removed.items()}
    lines: list[str] = []
    for path, (old, new) in sorted(changes.items()):
        lines += unified_diff(
            [] if old is None else old.decode(errors="replace").splitlines(keepends=True),
            [] if new is None else new.splitlines(keepends=True),
            "/dev/null" if old is None else f"a/{path}",
            "/dev/null" if new is None else f"b/{path}",
        )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
