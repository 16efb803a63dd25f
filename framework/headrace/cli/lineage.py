"""`headrace show lineage`: what a version was made of and what came of it, as a tree, as JSON, and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.attested import version_of
from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.registry.lineage import Graph
    from headrace.steps.workspace import Workspace


@click.command("lineage")
@click.argument("address", metavar="ADDRESS", shell_complete=models)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture: a file that ends in .svg or .html, not there yet."
)
@environment_option
@root_option
@json_option
def command(address: str, out: Path | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Print what a version was made of and what came of it, from source rows to served answers and back.

    ADDRESS is `model/NAME@VERSION` (a number, an alias or `latest`; `champion` where it is not given), `prediction/ID` for one answer, or
    `source/NAME` for all that came of a source. A picture needs no other file and no network.

    \b
    Examples:
      headrace show lineage model/employment@7
      headrace show lineage model/employment@7 --out lineage.svg
      headrace show lineage prediction/01J9ZK3W8Q --json
      headrace show lineage source/census
    """  # noqa: D301 - click's own mark
    if out is not None and out.suffix not in {".svg", ".html"}:
        raise click.BadParameter("a picture is a file that ends in .svg or .html", param_hint="--out")
    with open_workspace(root, environment) as workspace:
        graph, subject = _graph(workspace, address)
    if out is not None:
        _draw(graph, subject, out)
    result = {"subject": subject, **graph.to_json(), **({"picture": str(out)} if out is not None else {})}
    show(result, lambda told: _text(graph, subject, told), as_json=as_json)


def _graph(workspace: Workspace, address: str) -> tuple[Graph, str]:
    from headrace.registry import lineage

    kind, slash, rest = address.partition("/")
    if kind == "prediction" and rest:
        with workspace.store.read() as session:
            return lineage.of_prediction(session, rest), address
    if kind == "source" and rest:
        with workspace.store.read() as session:
            return lineage.of_source(session, rest, workspace.config.models), address
    if slash and kind != "model":
        fault = Diagnostic(
            "no-lineage", f"`{address[:80]}` is nothing that lineage is kept of", help="model/NAME@7, prediction/ID, source/NAME"
        )
        raise HeadraceError(fault, Exit.USAGE)
    version = version_of(workspace, address)
    with workspace.store.read() as session:
        return lineage.of_version(session, version), f"model/{version.model}@{version.number}"


def _draw(graph: Graph, subject: str, out: Path) -> None:
    from headrace.registry.lineage import picture

    drawn = picture.html(graph, subject) if out.suffix == ".html" else picture.svg(graph, subject)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(drawn)
    except FileExistsError:
        fault = Diagnostic("export-exists", f"{out} stands there already", help="choose another `--out`, or move it away")
        raise HeadraceError(fault, Exit.REFUSED) from None


def _text(graph: Graph, subject: str, told: Mapping[str, Any]) -> str:
    from headrace.registry.lineage import tree

    return "\n".join([tree(graph, subject), *([f"wrote {told['picture']}"] if "picture" in told else [])])
