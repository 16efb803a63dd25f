"""What `compile` knows of models that left the files and still answer: the store is asked only where compiled files would be removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.plan.grace import Leaving
    from headrace.project import Project


def going_on(root: Path, project: Project) -> tuple[Project, list[str]]:
    """The project with its models that left the files and still answer, and a line that says of each until when.

    Where nothing was ever applied here, none does. HeadraceError of a store that does not answer, and `plan-blocked` (exit 4) where such a
    model does not fit what the files say now.
    """
    from headrace.plan import lost, retire
    from headrace.plan.state import read
    from headrace.store import Store

    root, environment = root.resolve(), project.environment
    if lost.missing(environment.store, root):
        return project, []
    with Store.open(environment.store, environment.blobs, root=root) as store:
        state = read(store, root, project)
    whole, leaving = retire.standing(project, state, at_once=False)
    for name, why in leaving.blocked.items():
        help_ = "make room for it, or type `headrace apply --now`: it is removed at once"
        raise HeadraceError(Diagnostic("plan-blocked", f"{name} left the files and still answers: {why}", help=help_), Exit.REFUSED)
    return whole, list(_notes(leaving))


def _notes(leaving: Leaving) -> list[str]:
    from headrace.plan.grace import AT_ONCE, GRACE, note

    return [
        note(name, since)
        if since is not None
        else f"{name} left the files and still answers: from the next apply on it goes on for {GRACE.days}d, and {AT_ONCE}"
        for name, since in sorted(leaving.models.items())
    ]
