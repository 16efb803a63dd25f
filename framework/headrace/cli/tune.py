"""`headrace tune`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli.place import json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


@click.group("tune")
def command() -> None:
    """Look at the search that chose a version's parameters.

    \b
    Example:
      headrace tune show model/employment
    """  # noqa: D301 - click's own mark


@command.command("show")
@click.argument("version", metavar="MODEL[@VERSION]")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="A folder to write pictures to, as SVG: history, importance, slices, and of several goals the front.",
)
@root_option
@json_option
def show_search(version: str, pictures: Path | None, root: Path, *, as_json: bool) -> None:
    """Show every trial of a search, failed, pruned and lost ones included, and which was chosen.

    MODEL is `employment` or `model/employment`; VERSION a number, an alias or `latest`, which it is where it is not given.

    \b
    Example:
      headrace tune show model/employment
      headrace tune show employment@3 --pictures search --json
    """  # noqa: D301 - click's own mark
    import orjson

    from headrace import registry
    from headrace.training.search.picture import pictures as drawn

    with open_workspace(root) as workspace:
        named, _, which = version.partition("@")
        model = model_of(workspace.config, named)
        with workspace.store.read() as session:
            found = registry.find(session, model, which or "latest")
        tuned = found.manifest.get("tuned")
        if tuned is None:
            message = f"the parameters of {found} were not searched"
            raise HeadraceError(Diagnostic("not-tuned", message, help="write `tune` in the section `training`, and train"), Exit.REFUSED)
        kept = orjson.loads(workspace.store.blobs.get(tuned["trials"]))
    result = {"model": model, "version": found.number, "params": tuned["params"], "values": tuned["values"], **kept}
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        files = drawn(kept)
        for name, text in files.items():
            (pictures / name).write_text(text, encoding="utf-8")
        result["pictures"] = [str(pictures / name) for name in sorted(files)]
    show(result, _text, as_json=as_json)


def _text(result: Mapping[str, Any]) -> str:
    names = [goal["metric"] for goal in result["objectives"]]
    rows = [_row(trial, result) for trial in result["trials"]]
    counts: dict[str, int] = {}
    for trial in result["trials"]:
        counts[trial["state"]] = counts.get(trial["state"], 0) + 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    important = result["importance"] or {}
    return "\n".join(
        [
            f"model/{result['model']} v{result['version']}: trial {result['best']} of {len(result['trials'])} ({told})",
            table(rows, ("  trial", "ended", *names, "folds", "seconds", "parameters")),
            *(["  importance: " + ", ".join(f"{name} {value:.2f}" for name, value in important.items())] if important else []),
            *(f"  wrote {path}" for path in result.get("pictures", ())),
        ]
    )


def _row(trial: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, ...]:
    values = trial["values"] or [None] * len(result["objectives"])
    mark = "*" if trial["number"] == result["best"] else "+" if trial["number"] in result["front"] and len(values) > 1 else " "
    params = "as in the spec" if trial["defaults"] else ", ".join(f"{name} {_short(value)}" for name, value in trial["params"].items())
    said = f"{params}: {trial['reason']}" if trial["reason"] else params
    worth = tuple("" if value is None else f"{value:.5f}" for value in values)
    return (f"{mark} {trial['number']}", trial["state"], *worth, str(len(trial["folds"])), f"{trial['seconds']:.1f}", said)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
