"""`headrace rollout`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Exit

if TYPE_CHECKING:
    from headrace.rollout.by_hand import Done
    from headrace.steps.workspace import Workspace

model_argument = click.argument("model", required=False, shell_complete=models)
reason_option = click.option("--reason", default="asked for on the command line", help="Why; recorded with the event.")


@click.group("rollout")
def command() -> None:
    """Say where a rollout stands, and hold it, let it go on, end it or promote its candidate by hand.

    It acts in the environment that `flows/` was compiled for, and names it; another one is refused (exit 4).

    \b
    Example:
      headrace rollout status employment
    """  # noqa: D301 - click's own mark


@command.command("status")
@model_argument
@environment_option
@root_option
@json_option
def status(model: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say how far the newest rollout is, which share its candidate answers, and what its last look found.

    \b
    Example:
      headrace rollout status employment --json
    """  # noqa: D301 - click's own mark
    from headrace.rollout import by_hand

    with open_workspace(root.resolve(), environment) as workspace:
        name = model_of(workspace.config, model)
        with workspace.store.read() as session:
            result = {"environment": workspace.config.environment, "model": name, "rollout": by_hand.standing(session, name)}
    show(result, _standing, as_json=as_json)


@command.command("pause")
@model_argument
@reason_option
@environment_option
@root_option
@json_option
def pause(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Keep a rollout as it is: no more traffic, no promotion. Harm ends it all the same.

    \b
    Example:
      headrace rollout pause employment --reason "a holiday: nobody is here"
    """  # noqa: D301 - click's own mark
    from headrace.rollout import by_hand

    def act(workspace: Workspace, name: str) -> Done:
        return by_hand.pause(workspace.store, model=name, actor=workspace.actor, reason=reason)

    _act(model, environment, root, act, "the rollout of version {} is paused", as_json=as_json)


@command.command("resume")
@model_argument
@reason_option
@environment_option
@root_option
@json_option
def resume(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Let a rollout go on that was paused, or whose step waits for a person (`then: wait`).

    \b
    Example:
      headrace rollout resume employment
    """  # noqa: D301 - click's own mark
    from headrace.rollout import by_hand

    def act(workspace: Workspace, name: str) -> Done:
        return by_hand.resume(workspace.store, model=name, actor=workspace.actor, reason=reason)

    _act(model, environment, root, act, "the rollout of version {} goes on", as_json=as_json)


@command.command("abort")
@model_argument
@reason_option
@environment_option
@root_option
@json_option
def abort(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """End a rollout: the champion answers everything again, within a second. Twice is once.

    The champion stays the champion; `headrace rollback` is what puts the one before it back.

    \b
    Example:
      headrace rollout abort employment --reason "complaints since noon"
    """  # noqa: D301 - click's own mark
    from headrace.rollout import by_hand

    def act(workspace: Workspace, name: str) -> Done:
        return by_hand.abort(workspace.store, model=name, actor=workspace.actor, reason=reason)

    _act(model, environment, root, act, "the rollout of version {} ended, and the champion answers everything", as_json=as_json)


@command.command("promote")
@model_argument
@click.option("--reason", required=True, help="Why before its rollout decides; kept for ever beside what was done.")
@environment_option
@root_option
@json_option
def promote(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Make the candidate the champion now, whatever its rollout has not shown yet; recorded as by hand.

    Policies are asked first: while votes are missing, or where a policy refuses, nothing is promoted (exit 4). So is nothing where there is
    evidence of harm.

    \b
    Example:
      headrace rollout promote employment --reason "the old one cannot read today's feed"
    """  # noqa: D301 - click's own mark
    from headrace.governance import in_force
    from headrace.rollout import Governed, by_hand

    def act(workspace: Workspace, name: str) -> Done:
        config = workspace.config
        with workspace.store.read() as session:
            governed = Governed(config.environment, in_force(session, config.project, config.governance))
        return by_hand.promote(workspace.store, model=name, actor=workspace.actor, reason=reason, governed=governed)

    _act(model, environment, root, act, "version {} is champion", refused=True, as_json=as_json)


def _act(
    model: str | None,
    environment: str | None,
    root: Path,
    act: Callable[[Workspace, str], Done],
    said: str,
    *,
    refused: bool = False,
    as_json: bool,
) -> None:
    """Do it and say what came of it; exit 4 where nothing did and that is a refusal."""
    with open_workspace(root.resolve(), environment) as workspace:
        done = act(workspace, model_of(workspace.config, model))
        if done.changed:
            workspace.witness()
        result = {"environment": workspace.config.environment, **asdict(done)}

    def text(_: Mapping[str, Any]) -> str:
        what = said.format(done.candidate) if done.changed else f"nothing changed: {done.reason}"
        votes = f"\n`headrace approve {done.model} --version {done.candidate}` votes; then promote again." if done.waits else ""
        return f"model/{done.model} in {result['environment']}: {what}.{votes}"

    show(result, text, as_json=as_json)
    if refused and not done.changed:
        raise click.exceptions.Exit(Exit.REFUSED)


_STATES = {
    "pending": "about to start",
    "deploying": "in its steps",
    "baking": "baking",
    "rolling_back": "being rolled back",
    "active": "promoted",
    "rolled_back": "rolled back",
    "failed": "failed",
}


def _standing(result: Mapping[str, Any]) -> str:
    found, head = result["rollout"], f"model/{result['model']} in {result['environment']}"
    if found is None:
        return f"{head}: there was no rollout."
    lines = [f"{head}: version {found['candidate']} {_beside(found)}, {_STATES[found['state']]}"]
    if found["running"]:
        at = f"step {found['step'] + 1}" if found["state"] != "baking" else "the bake"
        lines.append(f"  answers   {found['share']:.0%}, {at} since {found['step_since'][:19]}")
        if found["paused"]:
            lines.append(f"  paused    by {found['paused']['by']} at {found['paused']['at'][:19]}: {found['paused']['reason']}")
        elif found["held"] == "paused":
            lines.append("  waits     for `headrace rollout resume`")
        elif found["held"]:
            lines.append(f"  held      {found['held']}")
        if found["look"]:
            lines.append(f"  next look {found['look'][:19]}")
    else:
        lines.append(f"  ended     {found['verdict']}: {found['reason']}")
    if found["evidence"]:
        lines += ["", *(f"  {line}" for line in _evidence(found["evidence"]).splitlines())]
    return "\n".join(lines)


def _beside(found: Mapping[str, Any]) -> str:
    return "without a champion" if found["champion"] is None else f"against version {found['champion']}"


def _evidence(evidence: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            metric,
            f"{one['bad_candidate']:,} of {one['n_candidate']:,}",
            f"{one['bad_champion']:,} of {one['n_champion']:,}",
            f"{one['abort']:.2f} of {one['abort_at']:.2f}",
            "passed" if one["passed"] else f"{one['promote']:.2f} of {one['promote_at']:.2f}",
        )
        for metric, one in evidence.items()
    ]
    return table(rows, ("metric", "candidate", "champion", "for abort", "for promotion"))
