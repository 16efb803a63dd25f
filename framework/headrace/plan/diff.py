"""Project and outputs against state to a Plan; why one change forces another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from headrace import __version__
from headrace.address import Address
from headrace.diagnostics import Span
from headrace.plan import backtest, forecast, grace, lost, moved, outside, pinned, registry, used
from headrace.plan.change import Action, AliasBack, Change, FileChange, Item, Judging, Plan, Selection, Training
from headrace.plan.fields import Difference, differences, plain, written
from headrace.plan.grace import Leaving
from headrace.plan.past import Recorded, State, text_digest
from headrace.plan.scope import Scope, uses
from headrace.plan.told import counted
from headrace.plan.wanted import Deployment, Observed, Wanted, digest
from headrace.project import Project
from headrace.project.risk import risk
from headrace.spec import Effect, Flag, Model, Spec
from headrace.spec.value import Use

Prints = Mapping[Address, str]
"""Each spec's fingerprint: its JSON is made again for those that differ, and kept of none."""
STAYING = Leaving()
"""No model leaves."""
Affected = Mapping[str, tuple[str, ...]]
"""By model: the addresses whose data it is trained on."""


def diff(  # noqa: PLR0917 - what a plan is made of, in the order in which it came about
    project: Project,
    outputs: Mapping[str, str],
    state: State,
    observed: Observed | None,
    wanted: Wanted,
    scope: Scope | None = None,
    leaving: Leaving = STAYING,
) -> Plan:
    """What would have to happen for the running system to be what the specs say; pure.

    `outputs` are the compiled files by path, `wanted` what they ask of Prefect; `observed` is None where no server was looked at.
    `leaving` are the models that only the past knows, and that `project` keeps for their grace.
    With a `scope`, `project` is what would stand after a partial apply, and what lies outside is left as it is, mended or not.
    """
    moves = moved.due(project.project, state)
    past = moved.carried(project.project, state, moves)
    affected = {f"model/{model.name}": tuple(uses(model, project.specs)) for model in project.models}
    prints = {address: fingerprint(spec) for address, spec in project.specs.items()}
    changed = _changes(project, prints, past, wanted, affected)
    changed |= grace.back(changed, past, prints, leaving)
    new = [address for address in project.specs if address.kind == "model" and str(address) not in past.resources]
    likely = moved.likely(past, {str(address): plain(project.specs[address]) for address in new})
    held = {move.old for move in moves if move.blocked is not None}
    gone = set(past.resources) - {str(address) for address in project.specs} - held - set(leaving.blocked)
    other = [
        *(Item(Action.MOVE, move.new, notes=moved.notes(move, observed), before=move.old, blocked=move.blocked) for move in moves),
        *(_removed(past, name, likely.get(name)) for name in sorted(gone)),
        *(item for item in grace.items(leaving, likely) if scope is None or item.address in scope.addresses),
    ]
    drifted, aliases = _outside(wanted, observed, past)
    if scope is not None:
        changed = {name: item for name, item in changed.items() if scope.touches(name)}
        drifted = [item for item in drifted if item.address == "prefect" or scope.touches(item.address)]
        aliases = tuple(back for back in aliases if scope.touches(f"model/{back.model}"))
        other += [Item(Action.REMOVE, name, blocked=why) for name, why in scope.kept.items()]
    bound = _digest(project, prints, outputs, state)
    staying = [model for model in project.models if f"model/{model.name}" not in leaving.models]
    train = tuple(_train(bound, staying, changed, affected, past))
    judge = _judge(bound, staying, changed, {training.model for training in train}, past)
    return Plan(
        project=project.project.name,
        environment=project.environment.name,
        serial=state.serial,
        digest=bound,
        observed=observed is not None,
        items=tuple(sorted([*changed.values(), *other, *drifted], key=lambda item: (item.address, item.action))),
        files=tuple(file for file in _files(outputs, state) if scope is None or scope.file(file.path)),
        train=tuple(t for t in train if scope is None or scope.touches(f"model/{t.model}")),
        judge=tuple(j for j in judge if scope is None or scope.touches(f"model/{j.model}")),
        forecasts=tuple(found for model in staying if (found := forecast.rollout(model)) is not None),
        unchanged=len(project.specs) - len(changed),
        notes=(*_notes(project, state, observed), *grace.notes(leaving), *_old_gates(changed, past)),
        selection=Selection() if scope is None else scope.selection,
        aliases=aliases,
        retiring=tuple(sorted(n for n, since in leaving.models.items() if since is not None or scope is None or n in scope.addresses)),
    )


def _notes(project: Project, state: State, observed: Observed | None) -> Iterator[str]:
    began = state.began or bool(state.serial or state.resources)
    if said := lost.note(project.environment.store, began=began, artifacts=state.artifacts, observed=observed):
        yield said
    for model in project.models:
        if model.governance is not None:
            yield f"model/{model.name}: its risk is {risk(project.scope, model, project.environment)}"
        if model.rollout is not None and model.rollout.only:
            yield f"model/{model.name}: its rollout is tried on those whose {', '.join(model.rollout.only)} it names, and is then for all"
    for flag in project.scope.of(Flag):
        if flag.expires is not None and state.now is not None and state.now.date() >= flag.expires:
            yield f"flag/{flag.name} was to be gone by {flag.expires}: take it out of the code, and then out of the specs"


def _changes(project: Project, prints: Prints, state: State, wanted: Wanted, affected: Affected) -> dict[str, Item]:
    """What is new and what differs, by address."""
    trained_on = {name for used in affected.values() for name in used}
    deployments: dict[str, list[Deployment]] = {}
    for deployment in wanted.deployments.values():
        deployments.setdefault(deployment.model, []).append(deployment)
    changed: dict[str, Item] = {}
    for address, spec in sorted(project.specs.items()):
        name = str(address)
        recorded = state.resources.get(name)
        if recorded is None:
            changed[name] = _added(project, address)
            continue
        changes = []
        if recorded.fingerprint != prints[address]:
            changes = _changed(project, address, spec, recorded, reaches=address.kind == "model" or name in trained_on)
        if isinstance(spec, Model):
            changes = pinned.judged(changes, project, spec, recorded.spec, state)
            plugins = list(used.changes(project, spec, recorded, spec_changed=bool(changes)))
            changes = list(backtest.noted(spec, changes, recorded, state, project.plugins)) or list(
                outside.recompiled(spec.name, recorded, deployments.get(spec.name, ()))
            )
            changes += plugins
        if changes:
            effects = tuple(sorted({change.effect for change in changes}, reverse=True))
            changed[name] = Item(Action.CHANGE, name, effects, tuple(changes))
    return changed


def _outside(wanted: Wanted, observed: Observed | None, state: State) -> tuple[list[Item], tuple[AliasBack, ...]]:
    """What was changed by another hand, in Prefect and in the registry: one item an address."""
    there, back = registry.items(state)
    notes: dict[str, tuple[str, ...]] = {}
    for item in [*(outside.items(wanted, observed, state) if observed is not None else ()), *there]:
        notes[item.address] = (*notes.get(item.address, ()), *item.notes)
    return [Item(Action.OUTSIDE, address, notes=found) for address, found in notes.items()], back


def fingerprint(spec: Spec) -> str:
    """The digest of a spec's content; where it stands, its comments and the order of its keys are no part of it."""
    return digest(plain(spec))


def _digest(project: Project, prints: Prints, outputs: Mapping[str, str], state: State) -> str:
    plugins = {model.name: found for model in project.models if (found := used.released(project, model))}
    return digest(
        {
            "project": project.project.name,
            "environment": project.environment.name,
            "serial": state.serial,
            "headrace": __version__,
            "specs": {str(address): found for address, found in prints.items()},
            "files": {path: text_digest(text) for path, text in outputs.items()},
            **({"plugins": plugins} if plugins else {}),
        }
    )


def _added(project: Project, address: Address) -> Item:
    notes = tuple(f"{'.'.join(map(str, path))}: {_from_shell(uses)}" for path, uses in project.from_shell(address))
    return Item(Action.ADD, str(address), place=_said(project.where(address)), notes=notes)


def _from_shell(uses: Iterable[Use]) -> str:
    """Which values of the shell decided a value: another shell may plan otherwise."""
    names = [f"the default of {use.name}, which the shell does not set" if use.default else f"{use.name} of the shell" for use in uses]
    return f"from {' and '.join(names)}"


def _changed(project: Project, address: Address, spec: Spec, recorded: Recorded, *, reaches: bool) -> list[Change]:
    found = differences(address.kind, dict(recorded.spec.items()), plain(spec))
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


def _removed(state: State, name: str, likely: str | None) -> Item:
    kind, _, model = name.partition("/")
    notes = []
    if likely is not None:
        notes.append(grace.renamed(name, likely))
    if kind == "model":
        if versions := state.versions.get(model, 0):
            notes.append(f"its {counted(versions, 'version')} {'stays' if versions == 1 else 'stay'} in the registry")
        if model in state.champions:
            notes.append("its alias champion stays; `headrace up` stops its server, and any other is stopped by whoever runs it")
        if model in state.deciding:
            notes.append("its rollout stops where it stands: nobody looks at it any more")
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


def _judge(plan: str, models: Iterable[Model], changed: Mapping[str, Item], trained: Collection[str], state: State) -> Iterator[Judging]:
    """The models whose newest version has other gates to pass now; one that is trained anew is judged by them anyhow."""
    for model in models:
        number, item = state.versions.get(model.name, 0), changed.get(f"model/{model.name}")
        if not number or model.name in trained:
            continue
        key = f"{plan}:{model.name}:judge"
        if item is not None and Effect.RE_EVALUATE in item.effects:
            yield Judging(model.name, number, "its gates changed", key)
        elif model.name in state.to_judge:
            yield Judging(model.name, number, "an interrupted apply had still to have it judged", state.to_judge[model.name])
        elif model.name in state.unjudged:
            yield Judging(model.name, number, "its last judgement failed", f"{key}:after {state.unjudged[model.name]}")


def _old_gates(changed: Mapping[str, Item], state: State) -> Iterator[str]:
    for model in sorted(state.training):
        item = changed.get(f"model/{model}")
        if item is not None and Effect.RE_EVALUATE in item.effects:
            yield (
                f"model/{model} is being trained, and that run judges by the gates that it began with: "
                f"when it has ended, type `headrace run judge {model}`"
            )


def _retrains(item: Item) -> bool:
    return item.action is Action.ADD or any(effect >= Effect.RETRAIN for effect in item.effects)
