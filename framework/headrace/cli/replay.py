"""`headrace replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.asking import credential, trust
from headrace.cli.place import (
    json_option,
    load_project,
    open_workspace,
    prefect_url,
    refuse_unsupported,
    root_option,
    server_url,
    serving_of,
)
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.project import Project
    from headrace.spec import Backtest


def _backtest(project: Project, name: str | None) -> Backtest:
    """The backtest that is meant."""
    found = {item.name: item for item in project.backtests}
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name is None or name not in found:
        raise HeadraceError(
            Diagnostic(
                "unknown-backtest",
                f"there is no backtest `{name}`" if name else "which backtest?",
                help=f"the project has: {', '.join(found) or 'none'}",
            ),
            Exit.USAGE,
        )
    return found[name]


def _rows(text: str | None, declared: int | str) -> int | None:
    """How many rows: the option's, else the spec's; None for all."""
    chosen = declared if text is None else text
    if chosen == "all":
        return None
    try:
        rows = int(chosen)
    except ValueError:
        rows = 0
    if rows < 1:
        raise click.BadParameter(f"`{chosen}` is neither a number of rows nor `all`", param_hint="--rows")
    return rows


@click.command("replay")
@click.argument("name", required=False)
@click.option("--rows", help="How many rows, or `all`; the spec's own where it is not given.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Where the report goes; `.headrace/reports` otherwise.")
@root_option
@json_option
def command(name: str | None, rows: str | None, report: Path | None, root: Path, *, as_json: bool) -> None:
    """Serve history again through the running system, under a driven clock, and tell what happened.

    Needs `headrace up` and a champion. Ends with exit code 4 where an expectation of the spec was not met.

    \b
    Example:
      headrace replay census-2016-2018 --rows 5000
    """  # noqa: D301 - click's own mark
    from datetime import timedelta

    from headrace import backtest as room
    from headrace.apply.prefect import Door
    from headrace.backtest.client import Client
    from headrace.backtest.history import spans
    from headrace.backtest.page import page
    from headrace.backtest.summary import text
    from headrace.compiled import read_workspace
    from headrace.spec.backtest import midnight
    from headrace.spec.retraining import AGAIN

    root = root.resolve()
    refuse_unsupported(root)
    project = load_project(root, read_workspace(root).environment)
    wanted = _backtest(project, name)
    number = _rows(rows, wanted.replay.rows)
    model = next(item for item in project.models if item.name == wanted.model.split("/", 1)[1])
    url = server_url(root, model.name)
    inputs = serving_of(root, model.name).inputs
    with open_workspace(root) as workspace, Door(prefect_url(root), workspace.config.owner) as door:
        driver = room.Driver(
            store=workspace.store,
            door=door,
            client=Client(url, headers=credential(), secure=trust(root, model.name)),
            spool=root / workspace.config.spool / model.name,
            model=model.name,
            history=room.history(
                root,
                workspace.config.sources,
                workspace.plugins.readers,
                wanted,
                model,
                views=workspace.config.views,
                inputs=inputs,
                rows=number,
            ),
            say=lambda said: click.echo(said, err=True),
            votes=room.Votes(workspace.config.project, workspace.config.environment, workspace.config.governance),
        )
        every = model.monitoring.every if model.monitoring is not None else AGAIN if model.retraining else None
        first = midnight(wanted.replay.from_) + every if every is not None else None
        driver.replay(midnight(wanted.replay.from_), midnight(wanted.replay.to), first)
        summary: dict[str, Any] = room.tell(workspace.store, wanted, model.name, driver, spans(wanted.disturb, timedelta(0)))
    folder = report or root / ".headrace" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{wanted.name}.json").write_text(json.dumps(summary, indent=2, default=str), encoding="utf-8")
    (folder / f"{wanted.name}.html").write_text(page(summary), encoding="utf-8")
    show(summary, lambda s: f"{text(s)}\nThe report is {folder / wanted.name}.html", as_json=as_json)
    if not all(item["met"] for item in summary["expectations"]):
        raise click.exceptions.Exit(Exit.REFUSED)
