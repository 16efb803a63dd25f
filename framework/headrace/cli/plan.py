"""`headrace plan`: what would change, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.cli.completing import addresses
from headrace.cli.foreseen import foresee
from headrace.cli.place import environment_option, json_option, load_project, read_once, root_option
from headrace.cli.view import progress, show
from headrace.cli.whole import write
from headrace.diagnostics import Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.plan import Observed, Prepared, Selection, State
    from headrace.project import Project
    from headrace.store import Store
    from headrace.store.sealing import Seal

F = TypeVar("F", bound=Callable[..., Any])


def select_options(command: F) -> F:
    """`--select`, `--exclude` and `--now`, as `plan` and `apply` take them."""
    for option in (
        click.option("--now", is_flag=True, help="Give a model that left the files no grace: remove it at once."),
        click.option("--exclude", multiple=True, metavar="WHAT", shell_complete=addresses, help="Leave out what fits; may be given again."),
        click.option(
            "--select",
            multiple=True,
            metavar="WHAT",
            shell_complete=addresses,
            help="Only what fits: `model/ch*`, `+model/churn`, `state:modified` …",
        ),
    ):
        command = option(command)
    return command


@click.command("plan")
@click.option("--detailed-exitcode", is_flag=True, help="End with exit code 2 if anything would change.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to this file too, for `headrace apply FILE`.")
@select_options
@environment_option
@root_option
@json_option
def command(
    out: Path | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    environment: str | None,
    root: Path,
    *,
    now: bool,
    detailed_exitcode: bool,
    as_json: bool,
) -> None:
    """Say what would change, and what that costs. Nothing is changed.

    --select and --exclude take addresses (`model/churn`, `model/ch*`), what they read (`+model/churn`) or what reads them
    (`source/visits+`), `kind:source`, `label:tier=critical`, and `state:modified`, `state:new`, `state:removed` or `state:outside`.

    \b
    Example:
      headrace plan
      headrace plan --out plan.json && headrace apply plan.json
      headrace plan --select +model/churn --exclude kind:channel
      headrace plan --detailed-exitcode     # in CI: exit code 2 when changes are pending
    """  # noqa: D301 - click's own mark
    from headrace import plan as plans

    read_once()
    intent = read_intent(root, environment)
    made = make_plan(intent, recorded(intent), observe_if_there(intent), plans.Selection(select, exclude, now))
    made, faults = look_at_sources(intent, made)
    made = foresee(intent.root, made)
    if (before := other_environment(intent)) is not None:
        note = f"flows/ is compiled for {before}, and apply would compile it for {intent.owner}: one folder runs one environment"
        made = replace(made, plan=replace(made.plan, notes=(*made.plan.notes, note)))
    if made.state.left is not None:
        made = replace(made, plan=replace(made.plan, notes=(made.state.left, *made.plan.notes)))
    if out is not None:
        write(out, plans.canonical(made.plan) + b"\n")
    show(plans.to_json(made.plan), plans.to_text, as_json=as_json)
    if not faults.ok:
        raise HeadraceError(faults, Exit.INVALID)
    if detailed_exitcode and not made.plan.empty:
        raise click.exceptions.Exit(Exit.CHANGES)


@dataclass(frozen=True, slots=True)
class Intent:
    """What the files say."""

    root: Path
    project: Project

    @property
    def owner(self) -> str:
        """By what name Prefect knows the project in this environment."""
        from headrace.compiled import owner

        return owner(self.project.project.name, self.project.environment.name)


def read_intent(root: Path, environment: str | None) -> Intent:
    """Load a folder; HeadraceError (exit 3) with every fault."""
    root = root.resolve()
    return Intent(root, load_project(root, environment, to_run=True))


def make_plan(intent: Intent, state: State, observed: Observed | None, selection: Selection) -> Prepared:
    """The plan of what the files say against what is recorded and observed.

    HeadraceError where a compiled file would hide one of the user's own, or the selection cannot be made.
    """
    from headrace.cli.compile import on_disk
    from headrace.plan import prepare

    made = prepare(intent.project, str(intent.root), state, observed, selection)
    on_disk(intent.root, made.outputs)
    return made


def look_at_sources(intent: Intent, made: Prepared) -> tuple[Prepared, Report]:
    """What is wrong with the files that the plan's trainings would read, and the plan with what was not looked at."""
    from headrace.plan.look import look

    looked = look(made.project, (training.model for training in made.plan.train), intent.root)
    return replace(made, plan=replace(made.plan, notes=(*made.plan.notes, *looked.notes))), looked.report


def other_environment(intent: Intent) -> str | None:
    """Whose flows/ is, where it was compiled for another environment of this project."""
    from headrace.compiled import read_workspace

    try:
        config = read_workspace(intent.root)
    except HeadraceError:
        return None
    return config.owner if config.project == intent.project.project.name and config.owner != intent.owner else None


def open_store(project: Project, root: Path) -> Store:
    """The environment's store, made where it is not there."""
    from headrace.store import Store

    return Store.open(project.environment.store, project.environment.blobs, root=root)


def seal_of(intent: Intent) -> Seal:
    """Who signs checkpoints of the environment's audit log, and who witnesses them."""
    from headrace.store.sealing import Seal

    environment = intent.project.environment
    audit = environment.audit
    return Seal(intent.root, environment.name, *(() if audit is None else (audit.key, audit.witnesses)))


def recorded(intent: Intent) -> State:
    """What is recorded; a plan makes no store where there is none yet."""
    from headrace.plan import lost
    from headrace.plan.state import State, read, read_disk

    environment = intent.project.environment
    if lost.missing(environment.store, intent.root):
        return State(disk=read_disk(intent.root), artifacts=lost.artifacts(environment.blobs, intent.root))
    with open_store(intent.project, intent.root) as store:
        return read(store, intent.root, intent.project)


def observe_if_there(intent: Intent) -> Observed | None:
    """What Prefect holds, if a server runs; None where it is away."""
    from headrace.apply.prefect import Door
    from headrace.local.prefect_server import running

    url = running(intent.root)
    if url is None:
        return None
    with Door(url, intent.owner) as door:
        if not door.ready():
            progress(f"Prefect at {url} does not answer: the plan is made without it")
            return None
        return door.observe()
