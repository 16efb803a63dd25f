"""What the project says it renamed, carried over into the recorded past: which moves are due, what stands in their way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from headrace.plan.fields import differences
from headrace.plan.graph import renamed
from headrace.plan.past import Recorded, State
from headrace.plan.told import counted
from headrace.plan.wanted import Observed
from headrace.spec import Project

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Move:
    """One address that is recorded under its old name."""

    old: str
    new: str
    blocked: str | None = None
    late: bool = False
    """Whether it was done, and records came in under the old name since."""


def due(project: Project, state: State) -> tuple[Move, ...]:
    """The moves that are to be carried out, each to the end of its chain.

    One that was done is no longer recorded under its old name; it is due again where a server went on journalling under that name.
    """
    ends = _ends(project)
    found = [Move(old, ends[old], _blocked(old, ends[old], state)) for old in sorted(set(ends) & set(state.resources))]
    found += [
        Move(old, ends[old], late=True)
        for old in sorted(set(ends) & state.stragglers - set(state.resources))
        if ends[old] in state.resources
    ]
    return tuple(found)


def notes(move: Move, observed: Observed | None) -> tuple[str, ...]:
    """What a move means beside the new name; empty where it means nothing."""
    kind, _, old = move.old.partition("/")
    if move.late:
        return (f"records came in as {move.old} after it was moved: apply takes them along, and a server of that name may still run",)
    if kind != "model":
        return ()
    prefect = "what Prefect holds of it is"
    if observed is not None:
        made = (
            sum(one.model == old for one in observed.deployments.values()),
            sum(one.model == old for one in observed.automations.values()),
        )
        prefect = f"in Prefect its {counted(made[0], 'deployment')} and {counted(made[1], 'automation')} are"
    return (
        "its versions, aliases and history stay, and nothing is trained",
        f"{prefect} made under the new name, and the old ones go; past runs keep the old name",
    )


ALIKE = 3
"""How many fields may differ where a model that is gone is taken for one that is new."""


def likely(past: State, added: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By model that left the files, the new one that says nearly the same of the same features; `added` are the new models as JSON."""
    new: dict[str, list[str]] = {}
    for name, spec in added.items():
        new.setdefault(json.dumps(spec["features"], sort_keys=True), []).append(name)
    found = {}
    for name, recorded in sorted(past.resources.items()) if new else ():
        alike = new.get(json.dumps(recorded.spec.get("features"), sort_keys=True), []) if recorded.kind == "model" else []
        near = min(((_apart(recorded.spec, added[other]), other) for other in alike), default=(ALIKE + 1, ""))
        if near[0] <= ALIKE:
            found[name] = near[1]
    return found


def _apart(old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """How many fields differ, besides the name and the port, which no two models share."""
    return sum(found.path not in {"name", "serving.port"} for found in differences("model", old, new))


def _ends(project: Project) -> dict[str, str]:
    """Every old name with the last of its new ones."""
    onward = {item.from_: item.to for item in project.moved}
    found = {}
    for old, first in onward.items():
        new = first
        while new in onward:
            new = onward[new]
        found[old] = new
    return found


def carried(project: Project, state: State, moves: tuple[Move, ...]) -> State:
    """The past as if everything had had its new name always; what Prefect holds keeps the old ones, since they stand there."""
    blocked = {move.old for move in moves if move.blocked is not None}
    names = {old: new for old, new in _ends(project).items() if old not in blocked}
    if not names:
        return state
    models = {old.partition("/")[2]: new.partition("/")[2] for old, new in names.items() if old.startswith("model/")}
    resources = {names.get(address, address): _recorded(recorded, names) for address, recorded in state.resources.items()}
    return replace(
        state,
        resources=resources,
        versions=_keyed(state.versions, models),
        verdicts=_keyed(state.verdicts, models),
        windows=_keyed(state.windows, models),
        aliases=_keyed(state.aliases, models),
        logged=_keyed(state.logged, models),
        numbers=_keyed(state.numbers, models),
        failed=_keyed(state.failed, models),
        pending=_keyed(state.pending, models),
        to_judge=_keyed(state.to_judge, models),
        unjudged=_keyed(state.unjudged, models),
        training=frozenset(models.get(model, model) for model in state.training),
        deciding=frozenset(models.get(model, model) for model in state.deciding),
    )


def _keyed(values: Mapping[str, V], models: Mapping[str, str]) -> dict[str, V]:
    return {models.get(model, model): value for model, value in values.items()}


def _recorded(recorded: Recorded, names: Mapping[str, str]) -> Recorded:
    address = names.get(recorded.address, recorded.address)
    spec = dict(renamed(recorded.kind, recorded.spec, names))
    applied = dict(recorded.applied.items())
    if "written" in applied:
        applied["written"] = dict(renamed(recorded.kind, applied["written"], names))
    if address != recorded.address:
        for document in (spec, applied.get("written", {})):
            if "name" in document:
                document["name"] = address.partition("/")[2]
    if spec == recorded.spec and applied == recorded.applied:
        return replace(recorded, address=address)
    return replace(recorded, address=address, fingerprint="", spec=spec, applied=applied)  # it is no longer the one that was digested


def _blocked(old: str, new: str, state: State) -> str | None:
    kind, _, model = old.partition("/")
    name = new.partition("/")[2]
    if new in state.resources:
        return f"{new} has been applied already, and has a history of its own"
    if kind != "model":
        return None
    if state.versions.get(name):
        return f"the registry has versions of a {new} that was there before"
    if model in state.deciding:
        return "its rollout has not ended, and another name would deal its units anew"
    if model in state.training:
        return "a training of it is going on, and ends under the old name"
    return None
