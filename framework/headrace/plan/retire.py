"""The project as it stands while models that left the files go on: what the files say, and those models as they were last applied."""

from __future__ import annotations

from dataclasses import replace

from headrace.address import Address
from headrace.diagnostics import HeadraceError
from headrace.plan import moved, select
from headrace.plan.grace import Leaving, over
from headrace.plan.graph import closure, references
from headrace.plan.past import State
from headrace.project import Project


def standing(project: Project, state: State, *, at_once: bool) -> tuple[Project, Leaving]:
    """The project with its retiring models, and which these are; `at_once` gives no model any grace.

    A model with a champion answers somebody's requests: an apply that no longer sees it does not take it away. What it reads and left the
    files with it stays too. Where they do not fit the rest, the files stand alone and the plan is blocked.
    """
    moves = moved.due(project.project, state)
    past = moved.carried(project.project, state, moves)
    present = {str(address) for address in project.specs} | {move.old for move in moves}
    models = {
        name: recorded.retiring
        for name, recorded in past.resources.items()
        if recorded.kind == "model" and name not in present and name.partition("/")[2] in past.champions
    }
    models = {name: since for name, since in models.items() if since is None or state.now is None or not over(since, state.now)}
    if at_once or not models:
        return project, Leaving()
    needed = closure(models, {name: tuple(references(r.kind, r.spec)) for name, r in past.resources.items() if name not in present})
    along = sorted(name for name in needed if name in past.resources and name not in present and name not in models)
    try:
        put_back = {Address.parse(name): select.applied(past.resources[name]) for name in (*models, *along)}
    except HeadraceError as error:
        return project, Leaving(blocked=dict.fromkeys(models, next(iter(error.report)).message))
    specs = dict(sorted({**project.specs, **{address: spec for address, (spec, _) in put_back.items()}}.items()))
    nodes = {**project.scope.nodes, **{address: node for address, (_, node) in put_back.items()}}
    mixed = replace(project, specs=specs, scope=replace(project.scope, specs=specs, nodes=nodes))
    faults = select.faults(mixed)
    if faults:
        why = f"it would go on beside the rest, and does not fit it: {'; '.join(fault.message for fault in faults[:3])}"
        return project, Leaving(blocked=dict.fromkeys(models, why))
    return mixed, Leaving(models, tuple(along))
