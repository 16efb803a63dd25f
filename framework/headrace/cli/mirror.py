"""`headrace runs push`, `pull` and `announce`: to a tracking server of others, from it, and to one of lineage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import ended, progress, show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.hooks import Sent, Skipped, Tracker
    from headrace.steps.workspace import Workspace

_SHOWN = 20
"""How many things the text names; `--json` has all."""


@click.command("push")
@environment_option
@root_option
@json_option
def pushed(environment: str | None, root: Path, *, as_json: bool) -> None:
    """Mirror runs, versions and aliases to the environment's tracking server.

    `tracking` of the environment says which, once it is compiled. What is there already is left alone: a push that was stopped goes on with
    the next one, and a second one does nothing. Ends with 1 where the server does not do its part.

    \b
    Example:
      headrace runs push --json
    """  # noqa: D301 - click's own mark
    from headrace import mirroring, tracking

    with open_workspace(root, environment) as workspace, _telling() as tell:
        tracker, params = _tracker(workspace)
        tracking.reap(workspace.store, workspace.actor)
        found = mirroring.push(
            workspace.store, tracker, params, workspace.actor, lambda done, total: tell(f"{tracker.name}: {done} of {total}")
        )
        result = _told(workspace, tracker, found.sent, found.unchanged, found.skipped)
    show(result, lambda r: _text(r, f"pushed to `{r['tracker']}`"), as_json=as_json)


@click.command("pull")
@click.option("--aliases", is_flag=True, help="Move aliases that stand elsewhere here: the champion answers requests.")
@environment_option
@root_option
@json_option
def pulled(environment: str | None, root: Path, *, aliases: bool, as_json: bool) -> None:
    """Take runs, versions and aliases from the environment's tracking server.

    What is here stays as it is. A run is taken once it has ended; a version only where its manifest came from Headrace, under the number
    that it has there; every byte is held against the digest that it was sent with (exit 4 where it was altered). An alias is taken where
    it is not here yet; `--aliases` moves the others too.

    \b
    Example:
      headrace runs pull --json
    """  # noqa: D301 - click's own mark
    from headrace import mirroring

    with open_workspace(root, environment) as workspace, _telling() as tell:
        tracker, params = _tracker(workspace)
        found = mirroring.pull(
            workspace.store, tracker, params, workspace.actor, lambda done: tell(f"{tracker.name}: {done}"), aliases=aliases
        )
        result = _told(workspace, tracker, found.taken, found.unchanged, found.skipped)
    show(result, lambda r: _text(r, f"pulled from `{r['tracker']}`"), as_json=as_json)


@click.command("announce")
@click.option(
    "--to", "target", metavar="URL", help="What takes OpenLineage's events: a URL or a file, `env:NAME` for a secret; else `lineage`."
)
@environment_option
@root_option
@json_option
def announced(target: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Send starts and ends of runs as OpenLineage's events to a server of lineage, or add them to a file.

    Each receiver hears the log from its beginning, in order, and each call goes on where the last one stopped: what it did not take is sent
    again (exit 1), and no run waits for it. A training's end has its sources as inputs, and the model, by its digest, as output. The
    receiver that the environment names as `lineage` is told by runs themselves, and by `headrace up`; without `--to` it is told at once.

    \b
    Examples:
      headrace runs announce
      headrace runs announce --to http://127.0.0.1:5000/api/v1/lineage
      headrace runs announce --to lineage.jsonl --json
    """  # noqa: D301 - click's own mark
    from headrace import mirroring

    with open_workspace(root, environment) as workspace:
        to = target or workspace.config.lineage
        if to is None:
            here = f"environment `{workspace.config.environment}`"
            raise click.UsageError(f"{here} names no receiver: type `--to URL`, or write `lineage` into it")
        sent = mirroring.announce(workspace.store, to, workspace.config.project, workspace.actor)
    show({"to": to, "sent": sent}, lambda told: f"{told['sent']:,} events were sent.", as_json=as_json)


def _tracker(workspace: Workspace) -> tuple[Tracker, Mapping[str, Any]]:
    config = workspace.config.tracking
    if config is None:
        message = f"environment `{workspace.config.environment}` has no tracking server"
        help_ = "write `tracking: {tracker: mlflow, params: {uri: …}}` into it, and type `headrace compile`"
        raise HeadraceError(Diagnostic("no-tracking", message, help=help_), Exit.INVALID)
    tracker = workspace.plugins.trackers.get(config.tracker)
    if tracker is None:
        known = ", ".join(sorted(workspace.plugins.trackers)) or "none"
        message = f"no plugin registers the tracker `{config.tracker}` here"
        raise HeadraceError(Diagnostic("unknown-tracker", message, help=f"install its plugin; registered are: {known}"), Exit.INVALID)
    return tracker, config.params


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Progress in place, on a terminal alone."""
    said = False

    def tell(text: str) -> None:
        nonlocal said
        if sys.stderr.isatty():
            progress(text)
            said = True

    try:
        yield tell
    finally:
        if said:
            ended("")


def _told(workspace: Workspace, tracker: Tracker, sent: Sequence[Sent], unchanged: int, skipped: Sequence[Skipped]) -> dict[str, Any]:
    return {
        "environment": workspace.config.environment,
        "tracker": tracker.name,
        "changed": [{"what": item.what, "outcome": item.outcome} for item in sent],
        "unchanged": unchanged,
        "skipped": [{"what": item.what, "why": item.why} for item in skipped],
    }


def _text(result: Mapping[str, Any], done: str) -> str:
    lines = [f"  {item['outcome']} {item['what']}" for item in result["changed"][:_SHOWN]]
    if more := len(result["changed"]) - _SHOWN:
        lines += [f"  … and {more} more"] if more > 0 else []
    lines += [f"  passed over {item['what']}: {item['why']}" for item in result["skipped"]]
    counts = f"{len(result['changed'])} {done}, {result['unchanged']} there already, {len(result['skipped'])} passed over"
    return "\n".join([*lines, f"environment {result['environment']}: {counts}."])
