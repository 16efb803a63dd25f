"""`headrace rollback`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show


def _text(result: Mapping[str, Any]) -> str:
    ended = f"the canary of version {result['canary']} ended" if result["canary"] is not None else ""
    if result["was"] == result["canary"]:
        return f"model/{result['model']} in {result['environment']}: {ended}; version {result['champion']} stays champion."
    again = f"version {result['champion']} is champion again; it was {result['was']}"
    return f"model/{result['model']} in {result['environment']}: {'; '.join(filter(None, (ended, again)))}."


@click.command("rollback")
@click.argument("model", required=False, shell_complete=models)
@click.option("--reason", default="asked for on the command line", help="Why; recorded with the event.")
@environment_option
@root_option
@json_option
def command(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Put the previous champion back; servers follow within a second.

    A running canary is ended first. Refused (exit 4) where there is no previous champion. It acts in the environment that
    `flows/` was compiled for, and names it; another one is refused (exit 4).

    \b
    Example:
      headrace rollback employment --reason "complaints since Tuesday"
    """  # noqa: D301 - click's own mark
    from headrace import rollout

    with open_workspace(root.resolve(), environment) as workspace:
        name = model_of(workspace.config, model)
        result = rollout.roll_back(workspace.store, model=name, actor=workspace.actor, reason=reason)
        workspace.witness()
        result = {"environment": workspace.config.environment, **result}
    show(result, _text, as_json=as_json)
