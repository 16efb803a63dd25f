"""`headrace models`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from sqlmodel import Session


def _versions(session: Session, model: str) -> dict[str, Any]:
    """One model's versions, newest first, with what they score, what they are called and what the gates said."""
    from headrace import gates, registry

    held = registry.aliases(session, model)
    judged, written = gates.verdicts(session, model), registry.cards(session, model)
    found = []
    for version in reversed(registry.versions(session, model)):
        said = judged.get(version.number, [])
        found.append(
            {
                "version": version.number,
                "aliases": [name for name, number in held.items() if number == version.number],
                "algorithm": version.algorithm,
                "created_at": version.created_at.isoformat(),
                "as_of": version.manifest.get("as_of"),
                "rows": version.manifest.get("rows"),
                "metrics": version.manifest.get("metrics", {}),
                "failed_metrics": version.manifest.get("failed_metrics", {}),
                "cv": version.manifest.get("cv"),
                "tuned": version.manifest.get("tuned"),
                "run": version.run_id,
                "digests": version.manifest["digests"],
                "manifest": version.manifest_digest,
                "card": written[version.number].brief() if version.number in written else None,
                "verdict": None if not said else all(row.passed or row.mode == "warn" for row in said),
                "gates": [
                    {
                        "gate": row.gate,
                        "metric": row.metric,
                        "passed": row.passed,
                        "mode": row.mode,
                        "value": row.value,
                        "reason": row.reason,
                    }
                    for row in said
                ],
            }
        )
    return {"model": model, "aliases": held, "versions": found}


def _text(result: Mapping[str, Any]) -> str:
    return "\n\n".join([f"environment {result['environment']}", *(_of_model(model) for model in result["models"])])


def _of_model(model: Mapping[str, Any]) -> str:
    if not model["versions"]:
        return f"model/{model['model']}: no version yet (`headrace run train {model['model']}` makes one)"
    rows: list[tuple[str, ...]] = [
        (
            f"  {version['version']}",
            ", ".join(version["aliases"]),
            version["created_at"][:16].replace("T", " "),
            version["algorithm"],
            "  ".join(f"{name} {value:.4f}" for name, value in version["metrics"].items() if value is not None),
            _verdict(version),
            _card(version["card"]),
        )
        for version in model["versions"]
    ]
    head = ("  version", "aliases", "made", "algorithm", "held-out rows", "gates", "card")
    reasons = [
        f"  {version['version']} {gate['gate']}{' (warns)' if gate['mode'] == 'warn' else ''}: {gate['reason']}"
        for version in model["versions"]
        for gate in version["gates"]
        if not gate["passed"]
    ]
    folds = [f"  {version['version']} {_folds(version['cv'])}" for version in model["versions"] if version["cv"]]
    return "\n".join([f"model/{model['model']}", table(rows, head), *folds, *(["  not passed:", *reasons] if reasons else [])])


def _folds(cv: Mapping[str, Any]) -> str:
    """Each metric as its mean over the folds with its standard deviation."""
    told = [f"{name} {item['mean']:.4f} ± {item['sd']:.4f}" for name, item in cv["metrics"].items() if item["mean"] is not None]
    return f"{cv['by']['folds']} folds ({cv['by']['by']}): {'  '.join(told)}"


def _card(card: Mapping[str, Any] | None) -> str:
    """Its status, and how much of what the model's risk asks for it has."""
    if card is None:
        return "none"
    return f"{card['status']} ({card['has']} of {card['needs']})"


def _verdict(version: Mapping[str, Any]) -> str:
    if version["verdict"] is None:
        return "not judged"
    passed = sum(gate["passed"] for gate in version["gates"])
    return f"{'passed' if version['verdict'] else 'rejected'} ({passed} of {len(version['gates'])})"


@click.command("models")
@click.argument("model", required=False, shell_complete=models)
@environment_option
@root_option
@json_option
def command(model: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """List models: their versions, what these score, what they are called, what the gates said, what their cards lack.

    MODEL is `employment` or `model/employment`; all of them where it is not given. It speaks of the environment that `flows/` was compiled
    for, and names it; another one is refused (exit 4).

    \b
    Example:
      headrace models employment
    """  # noqa: D301 - click's own mark
    with open_workspace(root, environment) as workspace:
        names = [model_of(workspace.config, model)] if model is not None else list(workspace.config.models)
        with workspace.store.read() as session:
            result = {"environment": workspace.config.environment, "models": [_versions(session, name) for name in names]}
    show(result, _text, as_json=as_json)
