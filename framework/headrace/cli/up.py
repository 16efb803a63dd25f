"""`headrace up`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from headrace.cli.place import json_option, refuse_unsupported, root_option
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


@click.command("up")
@root_option
@json_option
def command(root: Path, *, as_json: bool) -> None:
    """Start Prefect's server, a worker and the model servers on this machine; Ctrl-C stops them all.

    With PREFECT_API_URL set, that server is used and none is started.

    \b
    Example:
      headrace up
    """  # noqa: D301 - click's own mark
    from headrace.compiled import WORKSPACE
    from headrace.local.up import up

    def ready(told: dict[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(told))
            return
        click.echo(f"Prefect      {told['prefect'].removesuffix('/api')}")
        for model, url in told["servers"].items():
            click.echo(f"{model:<12} {url}   (docs at {url}/docs)")
        if not told["servers"]:
            click.echo("No model is compiled yet: `headrace apply` does it, and its server starts here.")
        click.echo("Ctrl-C stops all of it.")

    if not any((root / "specs").glob("*.y*ml")) and not (root / "flows" / WORKSPACE).is_file():
        raise HeadraceError(Diagnostic("no-specs", f"{root.resolve()} has no specs", help="`headrace init` makes a project"), Exit.INVALID)
    refuse_unsupported(root.resolve())
    up(root.resolve(), lambda text: click.echo(text, err=True), ready)
