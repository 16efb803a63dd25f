"""`headrace schema`: the language as a JSON Schema, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli import whole
from headrace.cli.place import json_option, root_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.hooks import Plugins

FILE = ".headrace/schema.json"
"""Where `headrace init` puts a project's schema, and the first line of a spec looks for it."""
MODELINE = "# yaml-language-server: $schema=../.headrace/schema.json"
"""What tells an editor where the schema of a spec is, from the folder `specs`."""

_HEAD = 500
"""Letters from the beginning, among which a spec names its schema and a schema says what it is of."""


@click.command("schema")
@click.option("--kind", metavar="KIND", help="Only documents of one kind.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
@click.option(
    "--project/--no-project",
    "of_project",
    default=None,
    help="With the names and plugins of the project, or without; with, where there is a folder `specs`.",
)
@root_option
@json_option
def command(kind: str | None, out: Path | None, root: Path, *, of_project: bool | None, as_json: bool) -> None:
    """Print the JSON Schema of the specs: every key with its description, default, example and form.

    In a project, the names of sources, models and channels and the parameters of its plugins are in it: write it again when they change.

    \b
    Example:
      headrace schema --out .headrace/schema.json
      headrace schema --kind model --no-project
    """  # noqa: D301 - click's own mark
    text = to_text(made(root, kind, of_project=(root / "specs").is_dir() if of_project is None else of_project))
    if out is None:
        click.echo(text, nl=False)
        return
    write(out, text)
    show({"written": str(out)}, lambda result: f"wrote {result['written']}", as_json=as_json)


def made(root: Path, kind: str | None = None, *, of_project: bool = True) -> dict[str, Any]:
    """The schema, of a project where that is wanted; HeadraceError for a kind that the language does not have."""
    from headrace.hooks import load_plugins
    from headrace.project.vocabulary import vocabulary, words
    from headrace.spec import KINDS
    from headrace.spec.schema import schema
    from headrace.spec.vocabulary import Vocabulary
    from headrace.spec.wording import nearest

    if kind is not None and kind not in KINDS:
        meant = nearest(kind, KINDS)
        help_ = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(KINDS)}"
        raise HeadraceError(Diagnostic("unknown-subject", f"`{kind}` is no kind of the language", help=help_), Exit.USAGE)
    # What is wrong in the specs, `validate` says: a schema is of use while they are being mended.
    known = vocabulary(root) if of_project else Vocabulary(words=words(load_plugins(None, Report())))
    found = schema(known, kind)
    if not of_project or kind is not None:
        return found
    from headrace.project import plugins_of

    first, *rest = found.items()
    return dict([first, ("$comment", _stamp(plugins_of(root, Report()))), *rest])


def keep(root: Path, plugins: Plugins | None) -> None:
    """Write the schema that the first line of a spec names, where it is not there, or is another release's or of other plugins.

    `plugins` is None where they are not known, or are those of the last look. It is a help for editors, so nothing fails by it: what went
    wrong is told on stderr.
    """
    from headrace import __version__

    try:
        wanted = json.dumps(_stamp(plugins)) if plugins is not None else f'"headrace {__version__}, '
        path = root / FILE
        if not (path.is_file() and wanted in _head(path)) and any(MODELINE in _head(spec) for spec in (root / "specs").glob("*.y*ml")):
            write(path, to_text(made(root)))
    except Exception as error:  # noqa: BLE001 - a plugin's parameters may raise anything, and a disk may be read only
        click.echo(f"{FILE}, by which editors complete, was not written: {type(error).__name__}: {error}", err=True)


def _head(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_HEAD)


def _stamp(plugins: Plugins) -> str:
    """Which release and which plugins a schema is of."""
    from hashlib import sha256

    from headrace import __version__

    origins = {str(origin): origin for origin in plugins.origins.values() if origin.kind != "builtin"}
    told = [
        f"{name} {sha256(origin.path.read_bytes()).hexdigest()}" if origin.kind == "project" and origin.path is not None else name
        for name, origin in sorted(origins.items())
    ]
    return f"headrace {__version__}, plugins {sha256(chr(10).join(told).encode()).hexdigest()[:16]}"


def to_text(schema: dict[str, Any]) -> str:
    """As it is written: the same bytes for the same schema."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Whole or not at all, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.write(path, text.encode())
