"""`headrace reproduce`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show
from headrace.diagnostics import Exit

_CODES = {"same": Exit.OK, "differs": Exit.REFUSED, "cannot": Exit.FAILED}
_MOST = 20
"""Files or packages that the text names; `--json` has all."""


@click.command("reproduce")
@click.argument("version", metavar="MODEL[@VERSION]", shell_complete=models)
@environment_option
@root_option
@json_option
def command(version: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Make a version again from what it was made of, and prove that it is the same.

    MODEL is `employment` or `model/employment`; VERSION a number, an alias or `latest`, and `champion` where it is not given.

    The recorded rows, params, seed and transforms are trained on in a place that is thrown away: nothing is registered. The model
    (LightGBM's text up to its parameters) and the predictions for the held-out rows are compared byte for byte. What is no longer as it was
    recorded is told: files of the code, packages, plugins, the machine.

    Ends with 0 where both are the same, with 4 where they differ, and with 1 where the version cannot be made.

    \b
    Examples:
      headrace reproduce model/employment@7
      headrace reproduce employment@champion --json
    """  # noqa: D301 - click's own mark
    from headrace import registry
    from headrace.training.reproduce import reproduce

    with open_workspace(root, environment) as workspace:
        named, _, which = version.partition("@")
        model = model_of(workspace.config, named)
        with workspace.store.read() as session:
            found = registry.find(session, model, which or registry.CHAMPION)
        proof = reproduce(workspace.store, workspace.plugins, found)
    result = {
        "model": model,
        "version": found.number,
        "outcome": proof.outcome,
        "why": proof.why or None,
        "digest": proof.model or None,
        "rows": proof.rows,
        "moved": [{"input": item.input, "recorded": item.recorded, "now": item.now, "details": list(item.details)} for item in proof.moved],
    }
    show(result, _text, as_json=as_json)
    click.get_current_context().exit(int(_CODES[proof.outcome]))


def _text(result: Mapping[str, Any]) -> str:
    what = f"model/{result['model']} v{result['version']}"
    match result["outcome"]:
        case "same":
            head = f"{what} is the same again: {result['digest']}, and its answers to {result['rows']:,} held-out rows."
        case "differs":
            head = f"{what} is another: {result['why']}."
        case _:
            head = f"{what} cannot be made again: {result['why']}"
    lines = [head]
    for item in result["moved"]:
        lines.append(f"  {item['input']} has moved: {item['recorded']} → {item['now']}")
        lines += [f"    {told}" for told in item["details"][:_MOST]]
        if len(item["details"]) > _MOST:
            lines.append(f"    … and {len(item['details']) - _MOST} more (`--json` has all)")
    if result["outcome"] == "differs" and not result["moved"]:
        lines.append("  Nothing that was recorded has moved: the algorithm itself does not give the same twice.")
    return "\n".join(lines)
