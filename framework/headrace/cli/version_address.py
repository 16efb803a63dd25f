"""How a command line names versions (`employment@3`, `employment@champion`, `employment@1.4.0`) and moments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from headrace.cli.place import model_of
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.compiled import WorkspaceConfig
    from headrace.registry import Version


def version_of(config: WorkspaceConfig, session: Session, text: str) -> Version:
    """The version that is meant. HeadraceError: `which-version` where it names none, `unknown-model`, those of `registry.find`."""
    from headrace import registry

    model, at, which = text.rpartition("@")
    if not at or not which:
        message = f"`{text}` names no version"
        raise HeadraceError(Diagnostic("which-version", message, help=f"such as {text.rstrip('@') or 'employment'}@3"), Exit.USAGE)
    return registry.find(session, model_of(config, model), which)


def moment_of(option: str, text: str) -> datetime:
    """A moment, in UTC where it names no zone."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"`{text}` is no time such as 2017-01-31 or 2017-01-31T12:00:00Z", param_hint=option) from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
