"""Which project a notebook works in: the one that encloses its folder, as it was compiled."""

from __future__ import annotations

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.steps.workspace import Workspace, workspace


def opened(environment: str | None) -> Workspace:
    """The project that encloses the working directory.

    HeadraceError: `not-compiled` where there is none, `other-environment` where it was compiled for another than is asked for.
    """
    found = workspace(None)
    if environment is not None and found.config.environment != environment:
        found.close()
        message = f"flows/ was compiled for the environment `{found.config.environment}`, not for `{environment}`"
        help_ = f"leave out `environment`, or type `headrace compile --env {environment}` first"
        raise HeadraceError(Diagnostic("other-environment", message, help=help_), Exit.REFUSED)
    return found
