"""`headrace status`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option, running
from headrace.cli.view import show

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.plan import Observed
    from headrace.steps.workspace import Workspace
    from headrace.store.tables import Run


def _model(session: Session, name: str) -> dict[str, Any]:
    """One model's standing, read from its log and its tables."""
    from sqlmodel import col, func, select

    from headrace import registry, traffic
    from headrace.journal import SHADOW
    from headrace.rollout.state import RUNNING
    from headrace.store import due, events
    from headrace.store.tables import Alert, Prediction, Rollout, Run, Window

    weights = traffic.current(session, name)
    rollout = session.exec(select(Rollout).where(Rollout.model == name).order_by(col(Rollout.started_at).desc()).limit(1)).first()
    window = session.exec(select(Window).where(Window.model == name).order_by(col(Window.number).desc()).limit(1)).first()
    last = session.exec(select(Run).where(Run.model == name).order_by(col(Run.started_at).desc()).limit(1)).first()
    return {
        "model": name,
        "aliases": registry.aliases(session, name),
        "weights": [{"arm": arm.name, "version": arm.version, "weight": arm.weight} for arm in weights.arms] if weights else [],
        "rollout": {
            "state": str(rollout.state),
            "running": str(rollout.state) in RUNNING,
            "candidate": rollout.candidate,
            "step": rollout.step,
        }
        if rollout
        else None,
        "predictions": session.exec(
            select(func.count()).select_from(Prediction).where(Prediction.model == name, Prediction.arm != SHADOW)
        ).one(),
        "window": {
            "number": window.number,
            "end": window.end.isoformat(),
            "performance": window.performance,
            "drift": (window.drift or {}).get("share"),
        }
        if window
        else None,
        "firing": sorted(session.exec(select(Alert.rule).where(Alert.model == name, Alert.state == "firing")).all()),
        "run": {
            "flow": last.flow,
            "status": str(last.status),
            "started_at": last.started_at.isoformat(),
            "rejected": _rejected(session, last),
        }
        if last
        else None,
        "due": [{"flow": item.flow, "at": item.at.isoformat(), "reason": item.reason} for item in due.list(session) if item.model == name],
        "unanswered": [{"event": str(event.kind), "id": event.id} for event in events.unanswered(session, name)],
    }


def _rejected(session: Session, run: Run) -> dict[str, Any] | None:
    """What a run made and the gates kept out, and by which gates; the run itself passed."""
    from sqlmodel import col, select

    from headrace.store.tables import Verdict

    query = select(Verdict).where(
        Verdict.model == run.model, Verdict.run_id == run.id, Verdict.mode == "block", col(Verdict.passed).is_(False)
    )
    said = [verdict for verdict in session.exec(query.order_by(Verdict.gate)) if verdict.waived is None]
    return {"version": said[0].number, "gates": [verdict.gate for verdict in said]} if said else None


def _describe(workspace: Workspace, models: list[str], root: Path) -> dict[str, Any]:
    with workspace.store.read() as session:
        told = [_model(session, name) | {"processes": _processes(root, name)} for name in models]
    now = workspace.store.clock.now()
    return {
        "project": workspace.config.project,
        "environment": workspace.config.environment,
        "clock": now.isoformat(),
        "driven": workspace.store.clock.driven,
        "up": running(root),
        "models": told,
        "notes": _notes(workspace, root),
    }


def _processes(root: Path, model: str) -> list[dict[str, Any]]:
    """The servers of several processes that run on this machine, and how loaded they are."""
    from headrace.serving.fleet import told

    return [
        {"port": port, "least": said["least"], "most": said["most"], "workers": said["workers"]}
        for port, said in sorted(told.running(root, model).items())
    ]


def _notes(workspace: Workspace, root: Path) -> list[str]:
    """What should be known of the store; Prefect is asked only where it records nothing."""
    from headrace.plan import grace, left, lost

    config = workspace.config
    with workspace.store.read() as session:
        if lost.began(session):
            retiring = [grace.note(name, since) for name, since in left.retiring(session)]
            stopped = left.note(workspace.store)
            return [*([stopped] if stopped is not None else []), *retiring]
        artifacts = lost.artifacts(config.blobs, root, session)
    observed = _observed(root, config.owner)
    said = lost.note(config.store, began=False, artifacts=artifacts, observed=observed)
    return [said] if said else []


def _observed(root: Path, project: str) -> Observed | None:
    from headrace.apply.prefect import Door
    from headrace.local.prefect_server import running as api

    url = api(root)
    if url is None:
        return None
    with Door(url, project) as door:
        return door.observe() if door.ready() else None


def _text(result: Mapping[str, Any]) -> str:
    clock = f"clock {result['clock'][:19]}{' (driven)' if result['driven'] else ''}"
    lines = [f"project {result['project']}, environment {result['environment']}, {clock}"]
    lines.append(
        f"up: Prefect at {result['up']['prefect'].removesuffix('/api')}" if result["up"] else "up: no (`headrace up` starts everything)"
    )
    lines += [f"note: {note}" for note in result["notes"]]
    for model in result["models"]:
        aliases = ", ".join(f"{alias} {number}" for alias, number in sorted(model["aliases"].items())) or "no version yet"
        lines.append(f"\nmodel/{model['model']}: {aliases}")
        if model["weights"]:
            lines.append(
                "  traffic    " + ", ".join(f"{arm['arm']} (version {arm['version']}) {arm['weight']:.0%}" for arm in model["weights"])
            )
        if model["rollout"]:
            lines.append(f"  rollout    {_rollout(model['rollout'])}")
        lines.append(f"  requests   {model['predictions']:,} journalled")
        lines += [f"  processes  {_answering(one)}" for one in model["processes"]]
        if model["window"]:
            value = (model["window"]["performance"] or {}).get("value")
            share = model["window"]["drift"]
            lines.append(
                f"  window     number {model['window']['number']} to {model['window']['end'][:10]}"
                + (f", drifted share {share:.2f}" if share is not None else "")
                + (f", realised {value:.3f}" if value is not None else ", answers not known yet")
            )
        lines.append(f"  alerts     {', '.join(model['firing']) or 'none firing'}")
        if model["run"]:
            lines.append(f"  last run   {_run(model['run'])}, {model['run']['started_at'][:19]}")
        lines += [f"  due        {item['flow']} at {item['at'][:16]}: {item['reason']}" for item in model["due"]]
        lines += [f"  waiting    {item['event']} has not started its successor yet ({item['id']})" for item in model["unanswered"]]
    return "\n".join(lines)


def _answering(fleet: Mapping[str, Any]) -> str:
    """How many processes answer on a port, and their mean load."""
    ready = [one for one in fleet["workers"] if one["state"] == "ready"]
    loads = [one["load"] for one in ready if one["load"] is not None]
    load = f", load {sum(loads) / len(loads):.0%}" if loads else ""
    return f"{len(ready)} of {fleet['least']} to {fleet['most']} answer on port {fleet['port']}{load}"


def _rollout(rollout: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one a state
    """How far a candidate has come, or how its rollout ended."""
    version, step = f"version {rollout['candidate']}", f"step {rollout['step'] + 1}"
    match rollout["state"]:
        case "pending":
            return f"{version} is about to start"
        case "deploying":
            return f"{version} is at {step}"
        case "comparing":
            return f"version {rollout['candidate']} has passed, and an experiment decides"
        case "rolling_back":
            return f"{version} is being rolled back, at {step}"
        case "active":
            return f"none running; {version} was promoted"
        case "rolled_back":
            return f"none running; {version} was rolled back at {step}"
        case _:
            return f"none running; that of {version} failed at {step}"


def _run(run: Mapping[str, Any]) -> str:
    if run["rejected"] is None:
        return f"{run['flow']} {run['status']}"
    gates = run["rejected"]["gates"]
    return f"{run['flow']}: version {run['rejected']['version']} rejected by gate{'s' * (len(gates) > 1)} {', '.join(gates)}"


@click.command("status")
@click.argument("model", required=False, shell_complete=models)
@environment_option
@root_option
@json_option
def command(model: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say where every model stands: champion, traffic, rollout, windows, alerts, what is due.

    It speaks of the environment that `flows/` was compiled for, and names it; another one is refused (exit 4).

    \b
    Example:
      headrace status employment --json
    """  # noqa: D301 - click's own mark
    root = root.resolve()
    with open_workspace(root, environment) as workspace:
        models = [model_of(workspace.config, model)] if model else list(workspace.config.models)
        result = _describe(workspace, models, root)
    show(result, _text, as_json=as_json)
