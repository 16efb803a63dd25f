"""`headrace show`: a spec as it is meant, defaults included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.address import Address
    from headrace.project import Project


@click.command()
@click.argument("address", required=False)
@root_option
@json_option
@environment_option
def command(address: str | None, root: Path, environment: str | None, *, as_json: bool) -> None:
    """Print a spec as it is meant, defaults included; without an address, list all addresses.

    \b
    Example:
      headrace show
      headrace show model/employment
      headrace show model/employment --json
    """  # noqa: D301 - click's own mark
    from headrace.document import write
    from headrace.spec.written import written

    project = load_project(root, environment)
    if address is None:
        addresses = [str(known) for known in sorted(project.specs)]
        click.echo(json.dumps({"addresses": addresses}, indent=2) if as_json else "\n".join(addresses))
        return
    found = _find(project, address)
    result = written(project.specs[found])
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else write(result).rstrip())


def _find(project: Project, text: str) -> Address:
    """`model/employment`, or a bare name that only one document has."""
    from headrace.spec.wording import nearest

    matching = [known for known in project.specs if text in (str(known), known.name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        message = f"`{text}` is {len(matching)} documents: {', '.join(str(known) for known in sorted(matching))}"
        raise HeadraceError(Diagnostic("which-address", message, help=f"write `{min(matching)}`"), Exit.USAGE)
    meant = nearest(text, project.specs) or nearest(text, [known.name for known in project.specs])
    help_ = f"did you mean `{meant}`?" if meant else "`headrace show` lists all addresses"
    raise HeadraceError(Diagnostic("unknown-address", f"there is no `{text}`", help=help_), Exit.USAGE)
