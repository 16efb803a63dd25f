"""`headrace models`: versions of models, listed as they are or were, found, compared, moved and taken out of use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from headrace.cli.attested import sign, verify
from headrace.cli.completing import models
from headrace.cli.meant import Meant
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.version_address import moment_of
from headrace.cli.version_compare import compared
from headrace.cli.version_gc import collected
from headrace.cli.version_moves import called, deleted, numbered, staged, tagged
from headrace.cli.version_search import plain, searched
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.registry import Held, Then


_ALL = "all"
"""What `--metrics` takes for every one."""


def _versions(session: Session, model: str, *, withdrawn: bool) -> dict[str, Any]:
    """One model's versions, newest first, with what they score, what they are called and what the gates said."""
    from headrace import gates, registry
    from headrace.registry.found import of_model

    held = registry.aliases(session, model)
    judged, indexed, written = gates.verdicts(session, model), of_model(session, model), registry.cards(session, model)
    found = []
    for version in reversed(registry.versions(session, model)):
        said, index = judged.get(version.number, []), plain(indexed[version.number])
        if index["withdrawn"] is not None and not withdrawn:
            continue
        found.append(
            {
                "version": version.number,
                **{key: index[key] for key in ("semver", "stage", "tags", "withdrawn")},
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
                "verdict": None if not said else all(gates.stands(row, row.at) for row in said),
                "gates": [
                    {
                        "gate": row.gate,
                        "metric": row.metric,
                        "passed": row.passed,
                        "mode": row.mode,
                        "value": row.value,
                        "reason": row.reason,
                        "waived": row.waived,
                    }
                    for row in said
                ],
            }
        )
    return {"model": model, "aliases": held, "versions": found}


def _text(result: Mapping[str, Any], asked: tuple[str, ...] = ()) -> str:
    return "\n\n".join([f"environment {result['environment']}", *(_of_model(model, asked) for model in result["models"])])


_FEW = 3
"""So many metrics are shown where no gate reads one that the version has."""


def _refuse_unknown(result: Mapping[str, Any], asked: tuple[str, ...]) -> None:
    known = {name for model in result["models"] for version in model.get("versions", ()) for name in version["metrics"]}
    if asked != (_ALL,) and (unknown := [name for name in asked if name not in known]):
        there = ", ".join(sorted(known)) or "none"
        raise click.BadParameter(f"no version has the metric `{unknown[0]}`; there are: {there}", param_hint="--metrics")


def _shown(versions: Sequence[Mapping[str, Any]], asked: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The metrics that a table shows, which are those that gates read unless others are asked for, and the rest."""
    every = list(dict.fromkeys(name for version in versions for name in version["metrics"]))
    if asked:
        chosen = every if asked == (_ALL,) else [name for name in asked if name in every]
        return chosen, []
    read = {gate["metric"] for version in versions for gate in version["gates"]}
    chosen = [name for name in every if name in read] or every[:_FEW]
    return chosen, [name for name in every if name not in chosen]


def _of_model(model: Mapping[str, Any], asked: tuple[str, ...]) -> str:
    if not model["versions"]:
        return f"model/{model['model']}: no version yet (`headrace run train {model['model']}` makes one)"
    names, rest = _shown(model["versions"], asked)
    rows: list[tuple[str, ...]] = [
        (
            f"  {version['version']}" + (f" ({version['semver']})" if version["semver"] else ""),
            version["stage"] + (" (withdrawn)" if version["withdrawn"] else ""),
            ", ".join(version["aliases"]),
            version["created_at"][:16].replace("T", " "),
            version["algorithm"],
            "  ".join(f"{name} {version['metrics'][name]:.4f}" for name in names if version["metrics"].get(name) is not None),
            _verdict(version),
            _card(version["card"]),
        )
        for version in model["versions"]
    ]
    head = ("  version", "stage", "aliases", "made", "algorithm", "held-out rows", "gates", "card")
    reasons = [
        f"  {version['version']} {gate['gate']}{_beside(gate)}: {gate['reason']}"
        for version in model["versions"]
        for gate in version["gates"]
        if not gate["passed"]
    ]
    folds = [f"  {version['version']} {_folds(version['cv'])}" for version in model["versions"] if version["cv"]]
    more = [f"  {len(rest)} more metrics: `--metrics {rest[0]}`, `--metrics {_ALL}`, or `--json`"] if rest else []
    return "\n".join([f"model/{model['model']}", table(rows, head), *more, *folds, *(["  not passed:", *reasons] if reasons else [])])


def _beside(gate: Mapping[str, Any]) -> str:
    """Why a gate that did not pass keeps nobody out."""
    if gate["mode"] == "warn":
        return " (warns)"
    waived = gate["waived"]
    return "" if waived is None else f" (waived by {waived['by']} until {waived['until']})"


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


def _then(then: Then) -> dict[str, Any]:
    """A model as it stood, as JSON has it."""

    def held(item: Held) -> dict[str, Any]:
        digests = {"digest": item.version.model_digest, "manifest": item.version.manifest_digest}
        told = {"since": item.since.isoformat(), "by": item.actor, "reason": item.reason, "event": item.event_id}
        return {"version": item.version.number, **digests, **told}

    return {
        "model": then.model,
        "as_of": then.at.isoformat(),
        "production": None if then.production is None else held(then.production),
        "aliases": {name: held(item) for name, item in then.aliases.items()},
        "stages": {number: stage.value for number, stage in then.stages.items()},
        "answered": [{"arm": arm.name, "version": arm.version.number, "weight": arm.weight} for arm in then.arms],
    }


def _then_text(result: Mapping[str, Any]) -> str:
    parts = [f"environment {result['environment']}"]
    for model in result["models"]:
        lines = [f"model/{model['model']} as of {model['as_of']}"]
        named = {"production": model["production"], **model["aliases"]}
        rows: list[tuple[str, ...]] = [
            (f"  {name}", str(item["version"]), item["digest"], item["since"][:19].replace("T", " "), item["by"], item["reason"])
            for name, item in named.items()
            if item is not None
        ]
        lines.append(table(rows, ("  was", "version", "digest", "since", "by", "why")) if rows else "  nothing was in production")
        answered = ", ".join(f"version {arm['version']} {arm['weight']:.0%}" for arm in model["answered"])
        lines += [f"  answered: {answered}"] if answered else []
        lines += ["  stages: " + ", ".join(f"{number} {stage}" for number, stage in model["stages"].items())] if model["stages"] else []
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


@click.group("models", cls=Meant)
def command() -> None:
    """List models, their versions and aliases, as they are or were; find, compare, check, name and withdraw versions.

    Without a command, models are listed: `headrace models employment`.

    \b
    Examples:
      headrace models employment
      headrace models employment --as-of 2026-03-01T12:00:00Z
      headrace models search "metrics.roc_auc > 0.9 and stage == 'staging'"
      headrace models compare employment@3 employment@5
      headrace models verify employment@3
    """  # noqa: D301 - click's own mark


command.add_command(verify)
command.add_command(sign)


def _first(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models, and the words that may stand in their place."""
    words = [CompletionItem(name) for name in command.commands if name.startswith(incomplete)]
    return [*models(ctx, param, incomplete), *words]


@command.command("list")
@click.argument("model", required=False, shell_complete=_first)
@click.option("--as-of", metavar="TIME", help="As it stood at this moment, that moment included; in UTC where it names no zone.")
@click.option("--withdrawn", is_flag=True, help="Withdrawn versions, too.")
@click.option(
    "--metrics", "asked", metavar="NAMES", help="Metrics to show, by comma, or `all`; without it those that gates read. `--json` has all."
)
@environment_option
@root_option
@json_option
def listed(
    model: str | None, as_of: str | None, asked: str | None, environment: str | None, root: Path, *, withdrawn: bool, as_json: bool
) -> None:
    """List models: their versions, what these score, how far they came, what they are called, what the gates said, what their cards lack.

    MODEL is `employment` or `model/employment`; all of them where it is not given. It speaks of the environment that `flows/` was compiled
    for, and names it; another one is refused (exit 4).

    With `--as-of` it tells which version was champion, in production and under each alias at a moment, with its digest and with the event
    that made it so, and which versions answered: from the log, to which nothing is added later about a moment that is over.

    \b
    Examples:
      headrace models employment
      headrace models employment --metrics roc_auc,brier
      headrace models list employment --as-of 2026-03-01
    """  # noqa: D301 - click's own mark
    from headrace import registry

    at = None if as_of is None else moment_of("--as-of", as_of)
    with open_workspace(root, environment) as workspace:
        names = [model_of(workspace.config, model)] if model is not None else list(workspace.config.models)
        with workspace.store.read() as session:
            told = [
                _versions(session, name, withdrawn=withdrawn) if at is None else _then(registry.as_of(session, name, at)) for name in names
            ]
        result = {"environment": workspace.config.environment, "models": told}
    wanted = tuple(name.strip() for name in (asked or "").split(",") if name.strip())
    _refuse_unknown(result, wanted)
    show(result, partial(_text, asked=wanted) if at is None else _then_text, as_json=as_json)


for _each in (searched, compared, staged, numbered, called, tagged, deleted, collected):
    command.add_command(_each)
