"""What the shell offers while a command is typed: addresses, models and runs of the project at hand, and what `explain` knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from headrace.address import Address


def addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Addresses of the project's documents, broken ones too; `+` before one stays."""
    del param
    plus = "+" if incomplete.startswith("+") else ""
    return [CompletionItem(f"{plus}{address}") for address in _there(ctx) if str(address).startswith(incomplete.removeprefix("+"))]


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models, or their addresses where `model/` stands already."""
    del param
    head = "model/" if incomplete.startswith("model/") else ""
    named = [f"{head}{address.name}" for address in _there(ctx) if address.kind == "model"]
    return [CompletionItem(name) for name in named if name.startswith(incomplete)]


def flags(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of flags."""
    del param
    named = [address.name for address in _there(ctx) if address.kind == "flag"]
    return [CompletionItem(name) for name in named if name.startswith(incomplete)]


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of diagnostics, and paths of the language one word further than what is typed."""
    del ctx, param
    from headrace.cli.risk_words import SUBJECTS
    from headrace.diagnostics.codes import CODES
    from headrace.hooks.told import subjects as hooks_known
    from headrace.spec.reference import paths

    depth = incomplete.count(".")
    every = (*paths(), *hooks_known(), *SUBJECTS)
    words = [*sorted(CODES), *(path for path in every if path.count(".") == depth)]
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def experiments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models: an experiment of a training has its model's name."""
    return [item for item in models(ctx, param, incomplete) if "/" not in item.value]


def orders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """By what runs can be sorted."""
    del ctx, param
    words = ("metrics.", "params.", "tags.", "started", "ended", "seconds", "version", "status", "experiment", "name", "actor")
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the newest runs, as far as there is a store that can be read; the shell is no place for faults."""
    del param
    from headrace.diagnostics import HeadraceError

    root = Path(ctx.params.get("root") or ".")
    if not (root / "flows" / "headrace.json").is_file():
        return []
    from headrace import tracking
    from headrace.cli.place import open_workspace

    try:
        with open_workspace(root) as workspace:
            found = tracking.search(workspace.store, limit=200).runs
    except HeadraceError:
        return []
    return [CompletionItem(run.id, help=f"{run.experiment} {run.status}") for run in found if run.id.startswith(incomplete)]


def version_orders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """By what versions can be sorted."""
    del ctx, param
    words = ("metrics.", "params.", "tags.", "created", "semver", "number", "model", "stage", "algorithm")
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def stages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The stages of a version."""
    del ctx, param
    from headrace.store.kinds import Stage

    return [CompletionItem(stage.value) for stage in Stage if stage.startswith(incomplete)]


def versions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest versions as `MODEL@NUMBER`, as far as there is a store that can be read; the shell is no place for faults."""
    del param
    from headrace.diagnostics import HeadraceError

    root = Path(ctx.params.get("root") or ".")
    if not (root / "flows" / "headrace.json").is_file():
        return []
    from headrace.cli.place import open_workspace
    from headrace.registry import found

    try:
        with open_workspace(root) as workspace:
            newest = found.search(workspace.store, limit=200).versions
    except HeadraceError:
        return []
    told = ((f"{item.model}@{item.number}", " ".join((item.stage.value, *item.aliases))) for item in newest)
    return [CompletionItem(name, help=help_) for name, help_ in told if name.startswith(incomplete)]


def _there(ctx: click.Context) -> list[Address]:
    """Every address, as far as files can be read; the shell is no place for faults."""
    from headrace.diagnostics import Report
    from headrace.project.read import read

    root = Path(ctx.params.get("root") or ".")
    if not (root / "specs").is_dir():
        return []
    drafts = read(root, Report(), {})
    return sorted({*drafts.hidden, *(draft.address for draft in drafts.named if draft.address is not None)})
