"""`headrace init`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import click

from headrace.cli import schema
from headrace.cli.place import json_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

FILES = {
    "specs/headrace.yaml": "headrace.yaml",
    "specs/sources.yaml": "sources.yaml",
    "specs/employment.yaml": "employment.yaml",
    ".gitignore": "gitignore",
}
"""What `init` writes, by path, and which text of `project/` it is."""
CI = {
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/headrace.yaml": "workflow.yaml",
}
"""What it writes for git and for GitHub, where it is not told to leave them out."""


def free_port() -> int:
    """The first port from 8080 upward that nobody listens on: two projects on one machine want two."""
    import socket

    for port in range(8080, 8180):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    return 8080


def _name(root: Path) -> str:
    """A project name from the folder's."""
    return re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-").lstrip("0123456789-") or "project"


def _write(root: Path, project: str, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write what is not there yet; what was written, and what was kept."""
    from headrace import __version__

    given = {"@NAME@": project, "@PORT@": str(free_port()), "@VERSION@": __version__}
    written, kept = list[str](), list[str]()
    for path, name in files.items():
        target = root / path
        if target.exists() or target.is_symlink():
            kept.append(path)
            continue
        template = (resources("headrace.cli") / "project" / f"{name}.txt").read_text(encoding="utf-8")
        text = re.sub("|".join(given), lambda found: given[found[0]], template)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{schema.MODELINE}\n{text}" if path.startswith("specs/") else text, encoding="utf-8")
        written.append(path)
    return written, kept


def _compiled(root: Path) -> list[str]:
    """Compile what was written, so that the first commit is whole; what stands in the way is told when the user compiles."""
    from headrace import project
    from headrace.cli.compile import carry_out, on_disk
    from headrace.compiler import compile_project
    from headrace.diagnostics import Report

    loaded = project.load(root, Report())
    if loaded is None:
        return []
    files = compile_project(loaded)
    try:
        wanted = on_disk(root, files)
    except HeadraceError:
        return []
    made = {path: files[path] for path in wanted if not (root / path).exists()}
    carry_out(root, made, [])
    return list(made)


def _text(result: Mapping[str, Any]) -> str:
    lines = [f"  wrote {path}" for path in result["written"]]
    lines += [f"  kept  {path} (it was there)" for path in result["kept"]]
    lines += [
        f"Project `{result['project']}` is ready; what you apply is recorded as {result['actor']}.",
        "Next: `headrace validate`, then `headrace plan`. After a change of a spec, `headrace compile` writes flows/ anew: commit both.",
    ]
    if ".pre-commit-config.yaml" in result["written"]:
        lines.append("`pre-commit install` lets git ask whether that was done before each commit.")
    return "\n".join(lines)


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--name", help="The project's name; the folder's where it is not given.")
@click.option("--no-ci", is_flag=True, help="Leave out the hooks of pre-commit and the workflow of GitHub Actions.")
@json_option
def command(folder: Path, name: str | None, *, no_ci: bool, as_json: bool) -> None:
    """Make a project in FOLDER: specs of a first model to start from, hooks and a workflow that check them, and a place to remember.

    Nothing that is there already is overwritten.

    \b
    Example:
      headrace init churn && cd churn && headrace validate
    """  # noqa: D301 - click's own mark
    from headrace.address import NAME

    root = folder.resolve()
    project = name or _name(root)
    if not NAME.fullmatch(project):
        raise HeadraceError(
            Diagnostic(
                "bad-name", f"`{project}` is no project name", help="lower-case letters, digits and single dashes, such as `--name churn`"
            ),
            Exit.USAGE,
        )
    if any((root / "specs").glob("*.y*ml")):
        raise HeadraceError(
            Diagnostic("project-exists", f"{root / 'specs'} holds specs already", help="`headrace validate` looks at them"), Exit.REFUSED
        )
    written, kept = _write(root, project, FILES if no_ci else FILES | CI)
    schema.write(root / schema.FILE, schema.to_text(schema.made(root)))
    written += [schema.FILE, *_compiled(root)]

    from headrace.identity import local_principal
    from headrace.store import Store

    with Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=root) as store:
        actor = local_principal(store)
    show({"project": project, "root": str(root), "written": written, "kept": kept, "actor": actor}, _text, as_json=as_json)
