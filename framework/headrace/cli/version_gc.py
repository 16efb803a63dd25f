"""`headrace models gc`: blobs that nothing refers to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show

_SHOWN = 20


@click.command("gc")
@click.option("--apply", "carried_out", is_flag=True, help="Take them away; without it, it is only said which.")
@click.option("--grace-days", type=click.FloatRange(min=1 / 24), default=7.0, show_default=True, help="Younger blobs are never taken.")
@environment_option
@root_option
@json_option
def collected(grace_days: float, environment: str | None, root: Path, *, carried_out: bool, as_json: bool) -> None:
    """Find the blobs that nothing in the store refers to, such as those of a training that died; `--apply` takes them away.

    What any table names stays: models, held-out rows, profiles, baselines, code, environments, artifacts of runs, kept features, also of
    withdrawn versions. A blob that was uploaded within the grace stays as well: a run that goes on may hold it.

    \b
    Examples:
      headrace models gc
      headrace models gc --apply --grace-days 30
    """  # noqa: D301 - click's own mark
    from headrace.registry import garbage

    with open_workspace(root, environment) as workspace:
        found = garbage.collect(workspace.store, actor=workspace.actor, grace=timedelta(days=grace_days), apply=carried_out)
        name = workspace.config.environment
    result = {
        "environment": name,
        "applied": found.applied,
        "blobs": found.blobs,
        "used": found.used,
        "young": found.young,
        "bytes": found.size,
        "taken": [{"digest": item.digest, "bytes": item.size, "at": item.at.isoformat()} for item in found.taken],
    }
    show(result, _text, as_json=as_json)


def _text(result: Mapping[str, Any]) -> str:
    lines = [
        f"environment {result['environment']}",
        "",
        f"{result['blobs']:,} blobs: {result['used']:,} in use, {result['young']:,} young, {len(result['taken']):,} of no use",
    ]
    lines += [f"  {item['digest'][:19]}  {item['bytes']:>12,} bytes  {item['at'][:16]}" for item in result["taken"][:_SHOWN]]
    if len(result["taken"]) > _SHOWN:
        lines.append(f"  … and {len(result['taken']) - _SHOWN:,} more: `--json` has all")
    if result["taken"]:
        said = f"{result['bytes']:,} bytes were taken away" if result["applied"] else f"`--apply` takes {result['bytes']:,} bytes away"
        lines.append(said)
    return "\n".join(lines)
