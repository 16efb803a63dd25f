"""What a step needs to know on a worker of a task runner: which project it works for, and whether it could reach what is remembered."""

from __future__ import annotations

import os
from pathlib import Path

from headrace.compiled import RunnerConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.steps.workspace import FILE, VARIABLE, Workspace, open_workspace, workspace

__all__ = ["refuse", "workspace_of"]


def workspace_of(project: str, service: str) -> Workspace:
    """The project that is at a path, as it was handed to a worker, whose working directory may be any.

    Where $HEADRACE_WORKSPACE is set it goes before, since another machine may have the project elsewhere. HeadraceError as `workspace`.
    """
    if os.environ.get(VARIABLE):
        return workspace(service)
    return open_workspace(Path(project) / FILE, service)


def refuse(runner: RunnerConfig | None, environment: str, where: str, what: str = "store") -> None:
    """HeadraceError `runner-store` where workers may be on other machines, and what is at `where` is a file of this one."""
    if runner is not None and runner.dask.far and not where.startswith("postgres"):
        message = f"workers of the cluster at {runner.dask.address} cannot reach the {what} of environment `{environment}`, which is a file"
        help_ = f"write `{what}: postgresql://user@host/database`, or leave out the runner's `address`: the work stays on this machine"
        raise HeadraceError(Diagnostic("runner-store", message, help=help_), Exit.REFUSED)
