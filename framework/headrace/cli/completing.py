"""What the shell offers while a command is typed: addresses and models of the project at hand, and what `explain` knows."""

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


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of diagnostics, and paths of the language one word further than what is typed."""
    del ctx, param
    from headrace.diagnostics.codes import CODES
    from headrace.spec.reference import paths

    depth = incomplete.count(".")
    words = [*sorted(CODES), *(path for path in paths() if path.count(".") == depth)]
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _there(ctx: click.Context) -> list[Address]:
    """Every address, as far as files can be read; the shell is no place for faults."""
    from headrace.diagnostics import Report
    from headrace.project.read import read

    root = Path(ctx.params.get("root") or ".")
    if not (root / "specs").is_dir():
        return []
    drafts = read(root, Report(), {})
    return sorted({*drafts.hidden, *(draft.address for draft in drafts.named if draft.address is not None)})
