"""Project and outputs against state to a Plan; why one change forces another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from headrace.address import Address
from headrace.diagnostics import Span
from headrace.plan import forecast, lost, outside
from headrace.plan.change import Action, Change, FileChange, Item, Plan, Training
from headrace.plan.fields import Difference, differences, plain, written
from headrace.plan.state import Recorded, State, text_digest
from headrace.plan.wanted import Observed, Wanted, digest
from headrace.project import Project
from headrace.spec import AnyKind, Effect, FeatureView, Model, Spec
from headrace.spec.value import Use

Affected = Mapping[str, tuple[str, ...]]
"""By model: the addresses whose data it is trained on."""


def diff(project: Project, outputs: Mapping[str, str], state: State, observed: Observed | None, wanted: Wanted) -> Plan:
    """What would have to happen for the running system to be what the specs say; pure.

    `outputs` are the compiled files by path, `wanted` what they ask of Prefect; `observed` is None where no server was looked at.
    """
    specs = {str(address): (address, spec) for address, spec in sorted(project.specs.items())}
    affected = {f"model/{model.name}": tuple(_uses(model, project.specs)) for model in project.models}
    trained_on = {name for used in affected.values() for name in used}
    changed: dict[str, Item] = {}
    for name, (address, spec) in specs.items():
        recorded = state.resources.get(name)
        if recorded is None:
            changed[name] = _added(project, address)
            continue
        changes = _changed(project, address, spec, recorded, reaches=address.kind == "model" or name in trained_on)
        if isinstance(spec, Model):
            changes = list(_backtested(spec, changes, state)) or list(outside.recompiled(spec.name, recorded, wanted))
        if changes:
            effects = tuple(sorted({change.effect for change in changes}, reverse=True))
            changed[name] = Item(Action.CHANGE, name, effects, tuple(changes))
    removed = [_removed(state, name) for name in sorted(set(state.resources) - set(specs))]
    drifted = list(outside.items(wanted, observed, state)) if observed is not None else []
    items = sorted([*changed.values(), *removed, *drifted], key=lambda item: (item.address, item.action))
    bound = _digest(project, outputs, state)
    return Plan(
        project=project.project.name,
        environment=project.environment.name,
        serial=state.serial,
        digest=bound,
        observed=observed is not None,
        items=tuple(items),
        files=tuple(_files(outputs, state)),
        train=tuple(_train(bound, project.models, changed, affected, state)),
        forecasts=tuple(found for model in project.models if (found := forecast.rollout(model)) is not None),
        unchanged=len(specs) - len(changed),
        notes=tuple(_notes(project, state, observed)),
    )


def _notes(project: Project, state: State, observed: Observed | None) -> Iterator[str]:
    began = state.began or bool(state.serial or state.resources)
    if said := lost.note(project.environment.store, began=began, artifacts=state.artifacts, observed=observed):
        yield said


def fingerprint(spec: Spec) -> str:
    """The digest of a spec's content; where it stands, its comments and the order of its keys are no part of it."""
    return digest(plain(spec))


def _digest(project: Project, outputs: Mapping[str, str], state: State) -> str:
    return digest(
        {
            "project": project.project.name,
            "environment": project.environment.name,
            "serial": state.serial,
            "specs": {str(address): fingerprint(spec) for address, spec in project.specs.items()},
            "files": {path: text_digest(text) for path, text in outputs.items()},
        }
    )


def _uses(model: Model, specs: Mapping[Address, AnyKind]) -> Iterator[str]:
    """The addresses whose data a model is trained on."""
    yield model.features.rows
    for view in model.features.use:
        address = Address("feature_view", view)
        yield str(address)
        spec = specs.get(address)
        if isinstance(spec, FeatureView):
            yield spec.from_


def _added(project: Project, address: Address) -> Item:
    notes = tuple(f"{'.'.join(map(str, path))}: {_from_shell(uses)}" for path, uses in project.from_shell(address))
    return Item(Action.ADD, str(address), place=_said(project.where(address)), notes=notes)


def _from_shell(uses: Iterable[Use]) -> str:
    """Which values of the shell decided a value: another shell may plan otherwise."""
    names = [f"the default of {use.name}, which the shell does not set" if use.default else f"{use.name} of the shell" for use in uses]
    return f"from {' and '.join(names)}"


def _changed(project: Project, address: Address, spec: Spec, recorded: Recorded, *, reaches: bool) -> list[Change]:
    found = differences(address.kind, recorded.spec, plain(spec))
    shell = dict(project.from_shell(address))
    before, now = recorded.applied.get("written", recorded.spec), written(spec)
    changes = [_change(project, address, d, reaches=reaches, said=_mentions(before, d) or _mentions(now, d)) for d in found]
    return [replace(c, note=_from_shell(shell[d.at])) if d.at in shell else c for c, d in zip(changes, found, strict=True)]


def _change(project: Project, address: Address, found: Difference, *, reaches: bool, said: bool) -> Change:
    effect = found.effect
    if not said or (not reaches and effect > Effect.RECONFIGURE):
        # A default that a new release changed, or data that no model is trained on: nothing has to be done again.
        effect = Effect.METADATA
    return Change(found.path, found.old, found.new, effect, _said(project.where(address, found.at)))


def _mentions(document: object, found: Difference) -> bool:
    """Whether somebody wrote the field (or a part of it), rather than leaving its default; a list that was written is written whole."""
    here = document
    for key in found.at:
        if isinstance(here, list):
            return True
        if not isinstance(here, Mapping) or key not in here:
            # What is gone from the new document is at its nearest part there, and was written before.
            return False
        here = here[key]
    return True


def _said(span: Span) -> str:
    return f"{span.file}:{span.line}"


def _backtested(model: Model, changes: Iterable[Change], state: State) -> Iterator[Change]:
    judged = state.verdicts.get(model.name, {})
    notes = {f"gates[{gate.id}]": forecast.backtest(gate, judged) for gate in model.gates}
    for change in changes:
        gate, _, field = change.path.partition(".")
        note = notes.get(gate) if field in ("min", "max", "metric") else None
        yield Change(change.path, change.old, change.new, change.effect, change.place, note)


def _removed(state: State, name: str) -> Item:
    kind, _, model = name.partition("/")
    notes = []
    if kind == "model":
        if versions := state.versions.get(model, 0):
            notes.append(f"its {versions} version{'s' if versions > 1 else ''} stay in the registry")
        if model in state.champions:
            notes.append("its alias champion stays; its server must be stopped by whoever runs it")
    return Item(Action.REMOVE, name, notes=tuple(notes))


def _files(outputs: Mapping[str, str], state: State) -> Iterator[FileChange]:
    for path in sorted({*outputs, *state.disk}):
        if path not in outputs:
            yield FileChange(path, "delete")
        elif state.disk.get(path) != text_digest(outputs[path]):
            yield FileChange(path, "write")


def _train(plan: str, models: Iterable[Model], changed: Mapping[str, Item], affected: Affected, state: State) -> Iterator[Training]:
    for model in models:
        name = f"model/{model.name}"
        item = changed.get(name)
        key = f"{plan}:{model.name}"
        if item is not None and item.action is Action.ADD:
            if not state.versions.get(model.name) and model.name not in state.training:
                yield Training(model.name, "it has no version yet", key)
            continue
        causes = [a for a in (name, *dict.fromkeys(affected[name])) if a in changed and _retrains(changed[a])]
        if causes:
            yield Training(model.name, f"{', '.join(causes)} changed", key)
        elif model.name in state.pending:
            yield Training(model.name, "an interrupted apply had still to start it", state.pending[model.name])
        elif model.name in state.failed and model.name not in state.training:
            yield Training(model.name, "its last training failed", f"{key}:after {state.failed[model.name]}")


def _retrains(item: Item) -> bool:
    return item.action is Action.ADD or any(effect >= Effect.RETRAIN for effect in item.effects)
