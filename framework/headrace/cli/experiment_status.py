"""`headrace experiment status` and `stop`: where a model's experiment stands, and its end by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show

if TYPE_CHECKING:
    from sqlmodel import Session


def _describe(session: Session, model: str) -> dict[str, Any]:
    from headrace import traffic
    from headrace.experiment.record import newest_row, standing_row
    from headrace.store import due

    row, weights = newest_row(session, model), traffic.current(session, model)
    waits = [
        {"at": item.at.isoformat(), "reason": item.reason} for item in due.list(session) if (item.model, item.flow) == (model, "roll_out")
    ]
    if row is None:
        return {"model": model, "experiment": None, "due": waits}
    mine = weights is not None and weights.among is not None and weights.among.experiment == row.id
    told = {key: row.details.get(key) for key in ("verdict", "reason", "ended_at")}
    return {
        "model": model,
        "experiment": row.number,
        "state": row.state,
        "answers": standing_row(session, model) is not None,
        "kept": bool(row.details.get("kept")),
        "candidate": row.candidate,
        "champion": row.champion,
        "arms": row.arms,
        "among": weights.among.to_json() if weights is not None and weights.among is not None and mine else None,
        "started_at": row.started_at.isoformat(),
        "enrols_until": row.enrols_until.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "looks": row.details.get("looks", []),
        "won": row.details.get("winner"),
        **told,
        "due": waits,
    }


def _text(result: Mapping[str, Any]) -> str:
    head = f"model/{result['model']} in {result['environment']}"
    waits = [f"  due        {item['at'][:16]}: {item['reason']}" for item in result["due"]]
    if result["experiment"] is None:
        return "\n".join([f"{head}: no experiment yet", *waits])
    arms = ", ".join(f"{name} (version {arm['version']}) {arm['share']:.0%}" for name, arm in sorted(result["arms"].items()))
    lines = [f"{head}: experiment {result['experiment']} {result['state'].replace('_', ' ')}", f"  arms       {arms}"]
    if result["among"] is not None:
        among = result["among"]
        layer = f", layer {among['layer']}" if among["layer"] else ""
        held = f", holdout {among['holdout']:.0%}" if among["holdout"] else ""
        lines.append(f"  takes part {among['coverage']:.0%} of the units{layer}{held}")
    lines.append(f"  time       {result['started_at'][:16]}, enrols until {result['enrols_until'][:16]}, ends {result['ends_at'][:16]}")
    lines += [f"  look       {one['at'][:16]}: {one['verdict']}, information {one['information']:.0%}" for one in result["looks"][-5:]]
    if result["verdict"] is not None:
        kept = "; its arms go on answering" if result["kept"] else ""
        lines.append(f"  verdict    {result['verdict']}: {result['reason']}{kept}")
    return "\n".join([*lines, *waits])


@click.command("status")
@click.argument("model", required=False, shell_complete=models)
@environment_option
@root_option
@json_option
def status(model: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say where a MODEL's experiment stands: its arms, who takes part, the looks that were taken, when it ends.

    \b
    Example:
      headrace experiment status employment
    """  # noqa: D301 - click's own mark
    with open_workspace(root.resolve(), environment) as workspace:
        name = model_of(workspace.config, model)
        with workspace.store.read() as session:
            result = {"environment": workspace.config.environment, **_describe(session, name)}
    show(result, _text, as_json=as_json)


def _stopped(result: Mapping[str, Any]) -> str:
    return (
        f"model/{result['model']} in {result['environment']}: experiment {result['experiment']} is stopped; "
        f"version {result['champion']} answers everything, version {result['candidate']} is a candidate no more."
    )


@click.command("stop")
@click.argument("model", required=False, shell_complete=models)
@click.option("--reason", required=True, help="Why; recorded with the event.")
@environment_option
@root_option
@json_option
def stop(model: str | None, reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """End a MODEL's experiment: the champion answers everything, and the candidate is rejected.

    Refused (exit 4) where none runs.

    \b
    Example:
      headrace experiment stop employment --reason "the survey was down"
    """  # noqa: D301 - click's own mark
    from headrace import experiment

    with open_workspace(root.resolve(), environment) as workspace:
        name = model_of(workspace.config, model)
        result = experiment.stop(workspace.store, model=name, actor=workspace.actor, reason=reason)
        workspace.witness()
        result = {"environment": workspace.config.environment, **result}
    show(result, _stopped, as_json=as_json)
