"""Where Prefect does not hold what was applied: somebody changed it there, or another release compiles it differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from headrace.plan.change import Action, Change, Item
from headrace.plan.past import Recorded, State
from headrace.plan.wanted import Automation, Deployment, Observed, Wanted
from headrace.spec import Effect


def items(wanted: Wanted, observed: Observed, state: State) -> Iterator[Item]:
    """One item a model whose deployments or automations are not as they were applied, and one for what nobody asked for."""
    notes: dict[str, list[str]] = {}
    for name, deployment in wanted.deployments.items():
        if _applied(state, deployment.model, "deployments").get(name) == deployment.version:
            notes.setdefault(deployment.model, []).extend(_deployment(deployment, observed.deployments.get(name), driven=state.driven))
    for name, automation in wanted.automations.items():
        if name in _applied(state, automation.model, "automations"):
            notes.setdefault(automation.model, []).extend(_automation(automation, observed.automations.get(name)))
    for model, found in sorted(notes.items()):
        if found:
            yield Item(Action.OUTSIDE, f"model/{model}", notes=tuple(found))
    known = {name for r in state.resources.values() for kind in ("deployments", "automations") for name in r.applied.get(kind, {})}
    extra = [
        name
        for name in (*observed.deployments, *observed.automations)
        if name not in known | set(wanted.deployments) | set(wanted.automations)
    ]
    general = [f"{name} is in Prefect and nobody asked for it: apply would remove it" for name in sorted(extra)]
    if state.resources and not observed.pool:
        general.append("the work pool is missing or paused in Prefect: apply would set it going")
    if state.resources and not observed.crash_watch:
        general.append("the automation that notices crashed runs is missing or off: apply would set it going")
    if general:
        yield Item(Action.OUTSIDE, "prefect", notes=tuple(general))


def recompiled(model: str, recorded: Recorded, deployments: Iterable[Deployment]) -> Iterator[Change]:
    """The deployments of an unchanged spec, of those of its model, that are compiled differently from how they were applied."""
    applied = recorded.applied.get("deployments", {})
    known = any(name.startswith(f"{model}/") for name in applied)  # what was moved stands under its old name, and says so itself
    for deployment in sorted(deployments, key=lambda item: item.name) if known else ():
        if applied.get(name := deployment.name) != deployment.version:
            note = "what it reads, the project's folder or the compiler is another" if name in applied else "the compiler makes one more"
            yield Change(f"deployments[{name.partition('/')[2]}]", None, None, Effect.RECONFIGURE, note=note)


def settled(wanted: Deployment, *, driven: bool) -> Deployment:
    """A deployment as it should stand: its schedules are paused while somebody drives the clock."""
    return replace(wanted, paused=driven)


def _applied(state: State, model: str, kind: str) -> dict[str, str]:
    recorded = state.resources.get(f"model/{model}")
    return dict(recorded.applied.get(kind, {})) if recorded else {}


def _deployment(wanted: Deployment, found: Deployment | None, *, driven: bool) -> Iterator[str]:
    if found is None:
        yield f"{wanted.name} is missing in Prefect: apply would make it again"
        return
    if found.paused and not driven:
        yield f"{wanted.name}: paused in Prefect: apply would set it running again"
    if found.schedules != wanted.schedules:
        yield f"{wanted.name}: its schedules were changed in Prefect: apply would put them back"
    if found.title != wanted.title:
        yield f"{wanted.name} is called `{found.title}` in Prefect: apply would call it `{wanted.title}`"
    if not found.tagged:
        yield f"{wanted.name}: its tags were changed in Prefect: apply would put them back"
    if replace(found, schedules=wanted.schedules, paused=wanted.paused, title=wanted.title, tagged=True) != wanted:
        yield f"{wanted.name}: changed in Prefect: apply would put it back"


def _automation(wanted: Automation, found: Automation | None) -> Iterator[str]:
    if found is None:
        yield f"automation {wanted.name} is missing in Prefect: apply would make it again"
    elif not found.enabled:
        yield f"automation {wanted.name} is off in Prefect: apply would turn it on"
    elif found != wanted:
        yield f"automation {wanted.name} was changed in Prefect: apply would put it back"
