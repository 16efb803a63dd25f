"""`headrace run`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.completing import models
from headrace.cli.place import json_option, model_of, refuse_unsupported, root_option
from headrace.cli.view import progress, show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.apply.prefect import Door
    from headrace.compiled import WorkspaceConfig

FLOWS = ("train", "judge", "roll_out", "monitor", "batch")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@click.command("run")
@click.argument("flow", type=click.Choice(FLOWS))
@click.argument("model", required=False, shell_complete=models)
@click.option("--no-wait", is_flag=True, help="Start it, print its id, and end.")
@click.option("--timeout", type=float, default=1800.0, show_default=True, help="Seconds to wait at most.")
@root_option
@json_option
def command(flow: str, model: str | None, root: Path, *, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Start one of a model's flows on the worker, or a batch by its name, and wait for it.

    \b
    Examples:
      headrace run train employment
      headrace run monitor --no-wait
      headrace run batch nightly
    """  # noqa: D301 - click's own mark
    from headrace.apply.prefect import Door
    from headrace.cli.place import prefect_url
    from headrace.compiled import read_workspace

    root = root.resolve()
    refuse_unsupported(root)
    config = read_workspace(root)
    if flow == "batch":
        name, flow = _batch(root, config, model)
    else:
        name = model_of(config, model)
    with Door(prefect_url(root), config.owner) as door:
        run_id = door.run(f"{name}/{flow}")
        state, message = ("SCHEDULED", "") if no_wait else _wait(door, f"{name}/{flow}", run_id, timeout)
    result = {"model": name, "flow": flow, "run": run_id, "state": state, "message": message}
    show(
        result,
        lambda r: f"{r['model']}/{r['flow']} {r['state'].lower()}: run {r['run']}" + (f"\n{r['message']}" if r["message"] else ""),
        as_json=as_json,
    )
    if state in ENDED and state != "COMPLETED":
        raise click.exceptions.Exit(Exit.FAILED)


def _batch(root: Path, config: WorkspaceConfig, batch: str | None) -> tuple[str, str]:
    """The model and the flow of the batch that is meant: the one named, as `nightly` or `batch/nightly`, or the only one there is."""
    from headrace.compiled import DeployConfig, read

    files = [root / "flows" / f"{model}.deploy.json" for model in config.models]
    found = [(file.name.removesuffix(".deploy.json"), one.flow) for file in files for one in read(DeployConfig, file).deployments]
    there = {flow.removeprefix("batch_"): (model, flow) for model, flow in found if flow.startswith("batch_")}
    wanted = batch.removeprefix("batch/").replace("-", "_") if batch is not None else None
    if wanted is None and len(there) == 1:
        return next(iter(there.values()))
    if wanted not in there:
        what = f"there is no batch `{batch}`" if batch is not None else f"the project has {len(there)} batches"
        raise HeadraceError(Diagnostic("unknown-address", what, help=f"there are: {', '.join(sorted(there)) or 'none'}"), Exit.USAGE)
    return there[wanted]


def _wait(door: Door, flow: str, run_id: str, timeout: float) -> tuple[str, str]:
    """How a run ended, and what it said; HeadraceError `run-slow` after `timeout` seconds."""
    state, message = "SCHEDULED", ""
    until = time.monotonic() + timeout
    while state not in ENDED:
        if time.monotonic() > until:
            raise HeadraceError(
                Diagnostic("run-slow", f"{flow} has not ended after {timeout:g} s; it goes on as run {run_id}", help="`headrace status`")
            )
        before, (state, _, message) = state, door.run_state(run_id)
        if state != before:
            progress(f"{flow}: {state.lower()}")
        time.sleep(1.0)
    progress("")
    return state, message
