"""A plan with all that carrying it out needs: for the whole project, or for what was selected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headrace.compiler import compile_project
from headrace.plan import pinned, retire, select, wanted
from headrace.plan.change import Plan, Selection
from headrace.plan.diff import diff
from headrace.plan.past import State
from headrace.plan.wanted import Observed, Wanted
from headrace.project import Project


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what it was made of; of a partial one, the project, files and wishes that stand when only the selected is applied."""

    plan: Plan
    project: Project
    outputs: Mapping[str, str]
    wanted: Wanted
    observed: Observed | None
    state: State


def prepare(project: Project, root: str, state: State, observed: Observed | None, selection: Selection | None = None) -> Prepared:
    """The plan for a project in the folder `root`; HeadraceError as `pinned.check` and `select.narrow`."""
    pinned.check(project, state)
    project, leaving = retire.standing(project, state, at_once=selection is not None and selection.at_once)
    outputs = compile_project(project)
    asked = wanted.read(outputs, root)
    plan = diff(project, outputs, state, observed, asked, leaving=leaving)
    if selection is None or not selection.partial:
        plan = replace(plan, selection=selection or plan.selection)
        return Prepared(plan, project, outputs, asked, observed, state)
    mixed, scope = select.narrow(project, state, selection, plan)
    outputs = compile_project(mixed)
    asked = scope.wanted(wanted.read(outputs, root))
    seen = scope.observed(observed) if observed is not None else None
    return Prepared(diff(mixed, outputs, state, seen, asked, scope, leaving), mixed, outputs, asked, seen, state)
