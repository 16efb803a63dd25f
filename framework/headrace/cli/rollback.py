"""`headrace rollback`."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.place import json_option, model_of, open_workspace, root_option
from headrace.cli.view import show


@click.command("rollback")
@click.argument("model", required=False)
@click.option("--reason", default="asked for on the command line", show_default=True, help="Recorded with the event.")
@root_option
@json_option
def command(model: str | None, reason: str, root: Path, *, as_json: bool) -> None:
    """Put the previous champion back; servers follow within a second.

    A running canary is ended first. Refused (exit 4) where there is no previous champion.

    \b
    Example:
      headrace rollback employment --reason "complaints since Tuesday"
    """  # noqa: D301 - click's own mark
    from headrace import rollout
    from headrace.identity import local_principal

    workspace = open_workspace(root.resolve())
    name = model_of(workspace.config, model)
    result = rollout.roll_back(workspace.store, model=name, actor=local_principal(workspace.store), reason=reason)
    show(result, lambda r: f"model/{r['model']}: version {r['champion']} is champion again; it was {r['was']}.", as_json=as_json)
