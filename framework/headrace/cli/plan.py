"""`headrace plan`: what would change, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.cli.view import progress, show
from headrace.diagnostics import Exit

if TYPE_CHECKING:
    from headrace.plan import Observed, Plan, State, Wanted
    from headrace.project import Project
    from headrace.store import Store


@click.command("plan")
@click.option("--detailed-exitcode", is_flag=True, help="End with exit code 2 if anything would change.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to this file too, for `headrace apply FILE`.")
@environment_option
@root_option
@json_option
def command(out: Path | None, environment: str | None, root: Path, *, detailed_exitcode: bool, as_json: bool) -> None:
    """Say what would change, and what that costs. Nothing is changed.

    \b
    Example:
      headrace plan
      headrace plan --out plan.json && headrace apply plan.json
      headrace plan --detailed-exitcode     # in CI: exit code 2 when changes are pending
    """  # noqa: D301 - click's own mark
    from headrace import plan as plans

    intent = read_intent(root, environment)
    plan = make_plan(intent, recorded(intent), observe_if_there(intent))
    if out is not None:
        out.write_bytes(plans.canonical(plan) + b"\n")
    show(plans.to_json(plan), plans.to_text, as_json=as_json)
    if detailed_exitcode and not plan.empty:
        raise click.exceptions.Exit(Exit.CHANGES)


@dataclass(frozen=True, slots=True)
class Intent:
    """What the files say: the project, what it compiles to, and what that asks of Prefect."""

    root: Path
    project: Project
    outputs: Mapping[str, str]
    wanted: Wanted


def read_intent(root: Path, environment: str | None) -> Intent:
    """Load and compile a folder; HeadraceError (exit 3) with every fault, or where a compiled file would hide one of the user's own."""
    from headrace.cli.compile import on_disk
    from headrace.compiler import compile_project
    from headrace.plan import wanted

    root = root.resolve()
    project = load_project(root, environment, to_run=True)
    outputs = compile_project(project)
    on_disk(root, outputs)
    return Intent(root, project, outputs, wanted.read(outputs, str(root)))


def make_plan(intent: Intent, state: State, observed: Observed | None) -> Plan:
    """The plan of what the files say against what is recorded and observed."""
    from headrace.plan import diff

    return diff(intent.project, intent.outputs, state, observed, intent.wanted)


def open_store(project: Project, root: Path) -> Store:
    """The environment's store, made where it is not there."""
    from headrace.store import Store

    return Store.open(project.environment.store, project.environment.blobs, root=root)


def recorded(intent: Intent) -> State:
    """What is recorded; a plan makes no store where there is none yet."""
    from headrace.plan import lost
    from headrace.plan.state import State, read, read_disk

    environment = intent.project.environment
    if lost.missing(environment.store, intent.root):
        return State(disk=read_disk(intent.root), artifacts=lost.artifacts(environment.blobs, intent.root))
    with open_store(intent.project, intent.root) as store:
        return read(store, intent.root, environment.blobs)


def observe_if_there(intent: Intent) -> Observed | None:
    """What Prefect holds, if a server runs; None where it is away."""
    from headrace.apply.prefect import Door
    from headrace.local.prefect_server import running

    url = running(intent.root)
    if url is None:
        return None
    with Door(url, intent.project.project.name) as door:
        if not door.ready():
            progress(f"Prefect at {url} does not answer: the plan is made without it")
            return None
        return door.observe()
