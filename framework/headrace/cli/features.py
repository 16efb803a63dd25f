"""`headrace features`: events of views brought in for servers to read, and views over time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.backfill import held, on_runner, placed
from headrace.cli.feature_versions import get, history, pin, save
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import ended, progress, show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.features.online import Done, Progress, Span
    from headrace.steps.workspace import Workspace


@click.group("features")
def command() -> None:
    """Bring in the events that servers read features from; look at views over time.

    \b
    Examples:
      headrace features materialize
      headrace features backfill --from 2017-01-01 --to 2017-02-01
      headrace features history basket
      headrace features pin basket@3
    """  # noqa: D301 - click's own mark


command.add_command(history)
command.add_command(save)
command.add_command(get)
command.add_command(pin)


@command.command("materialize")
@click.argument("views", nargs=-1, metavar="[VIEW]...")
@click.option("--prune", is_flag=True, help="Delete events that no feature needs from now on.")
@environment_option
@root_option
@json_option
def materialize(views: tuple[str, ...], environment: str | None, root: Path, *, prune: bool, as_json: bool) -> None:
    """Bring in what changed in the sources of VIEWs; of all that declare `online`, where none is named.

    Days that are as they were are not touched, and each that changed is brought in whole or not at all: it may be ended at any moment
    and goes on where it was. `--prune` deletes events older than any feature looks back; requests about moments before are
    refused then.

    \b
    Examples:
      headrace features materialize
      headrace features materialize shopping --prune --json
    """  # noqa: D301 - click's own mark
    with open_workspace(root.resolve(), environment) as workspace:
        now = workspace.store.clock.now()
        chosen = _chosen(workspace, [view.removeprefix("feature_view/") for view in views])
        done = [_one(workspace, view, now, prune=prune) for view in chosen]
        result = {"environment": workspace.config.environment, "views": [_told(item) for item in done]}
    show(result, _text, as_json=as_json)


@command.command("backfill")
@click.argument("views", nargs=-1, metavar="[VIEW]...")
@click.option("--from", "start", required=True, metavar="TIME", help="The first moment, such as 2017-01-01; in UTC.")
@click.option("--to", "end", metavar="TIME", help="The moment before which it ends; now, where it is not given.")
@click.option("--here", is_flag=True, help="Do it all in this process, also where the environment has a `runner`.")
@environment_option
@root_option
@json_option
def backfill(
    views: tuple[str, ...], start: str, end: str | None, environment: str | None, root: Path, *, here: bool, as_json: bool
) -> None:
    """Bring in the days from one moment to another again, whatever was read of them before.

    It may be ended at any moment: the same command goes on where it was. Where the environment has a `runner`, the days are dealt to its
    workers as tasks of a flow, for which Prefect's server must run.

    \b
    Examples:
      headrace features backfill shopping --from 2017-01-01 --to 2017-02-01
      headrace features backfill --from 2017-01-01 --here
    """  # noqa: D301 - click's own mark
    from headrace.features.online import backfill

    with open_workspace(root.resolve(), environment) as workspace:
        chosen = _chosen(workspace, [view.removeprefix("feature_view/") for view in views])
        span = _span(start, end, workspace.store.clock.now())
        if workspace.config.runner is not None and not here:
            done = on_runner(workspace, chosen, span)
        else:
            done = []
            for view in chosen:
                origins, definition, where = placed(workspace, view)
                with held(workspace, view), _telling() as tell:
                    done.append(backfill.backfill(origins, definition, where, span, tell=tell))
        result = {"environment": workspace.config.environment, "views": [_told(item) for item in done]}
    show(result, _text, as_json=as_json)


def _one(workspace: Workspace, view: str, now: datetime, *, prune: bool) -> Done:
    from dataclasses import replace

    from headrace.features import online

    origins, definition, where = placed(workspace, view)
    with held(workspace, view), _telling() as tell:
        done = online.materialize(origins, definition, where, now, tell=tell)
        if prune:
            done = replace(done, pruned_before=online.prune(definition, where, origins, now))
    return done


@contextmanager
def _telling() -> Iterator[Any]:
    def tell(at: Progress) -> None:
        progress(f"feature_view/{at.view}: {at.days} of {at.of} days, {at.events:,} events ({at.days / at.of:.0%})")

    try:
        yield tell
    finally:
        if sys.stderr.isatty():
            ended("")


def _chosen(workspace: Workspace, named: Sequence[str]) -> list[str]:
    """The views that are meant; HeadraceError `not-online` for one that servers do not read."""
    views = workspace.config.views
    if not named:
        return sorted(view for view, config in views.items() if config.online is not None)
    for view in named:
        if view in views and views[view].online is None:
            message = f"feature_view/{view} declares no `online`: no server would read its events"
            raise HeadraceError(
                Diagnostic("not-online", message, help="write `online: {}` into it, and type `headrace compile`"), Exit.INVALID
            )
    return list(dict.fromkeys(named))


def _span(start: str, end: str | None, now: datetime) -> Span:
    from headrace.features.online import Span

    found = Span(_moment("--from", start), _moment("--to", end) if end is not None else now)
    if not found.start < found.end:
        raise click.BadParameter(f"it ends at {found.end:%Y-%m-%d %H:%M}, before it begins", param_hint="--to")
    return found


def _moment(option: str, text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"`{text}` is no time such as 2017-01-31 or 2017-01-31T12:00:00Z", param_hint=option) from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _told(done: Done) -> dict[str, Any]:
    moments = {"newest": done.newest, "watermark": done.watermark, "pruned_before": done.pruned_before}
    return {
        "view": done.view,
        "days": done.days,
        "unchanged_days": done.unchanged,
        "events": done.events,
        **{word: None if value is None else value.isoformat() for word, value in moments.items()},
    }


def _text(result: Mapping[str, Any]) -> str:
    if not result["views"]:
        return "No view declares `online`."
    rows: list[tuple[str, ...]] = [
        (
            f"feature_view/{item['view']}",
            f"{item['days']:,}",
            f"{item['unchanged_days']:,}",
            f"{item['events']:,}",
            item["newest"] or "-",
            item["watermark"] or "-",
        )
        for item in result["views"]
    ]
    head = ("view", "days", "unchanged", "events", "newest event", "watermark")
    return f"environment {result['environment']}\n{table(rows, head)}"
