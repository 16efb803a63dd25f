"""`--select` and `--exclude`: which addresses a few words mean, and the project that stands when only those are applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from headrace import document
from headrace.address import Address
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.plan import moved
from headrace.plan.change import Action, Plan, Selection
from headrace.plan.diff import fingerprint
from headrace.plan.fields import plain, written
from headrace.plan.graph import closure, references, turned
from headrace.plan.past import Recorded, State
from headrace.plan.scope import Scope
from headrace.project import Project
from headrace.project.rules import RULES, whole
from headrace.project.rules import moved as moved_rule
from headrace.spec import KINDS, AnyKind
from headrace.spec.decode import decode
from headrace.spec.wording import nearest

STATES = {
    "modified": frozenset({Action.ADD, Action.CHANGE, Action.MOVE, Action.RETIRE, Action.REMOVE}),
    "new": frozenset({Action.ADD}),
    "removed": frozenset({Action.RETIRE, Action.REMOVE}),
    "outside": frozenset({Action.OUTSIDE}),
}
"""What `state:` may ask for."""
ALWAYS = ("project", "environment")
"""Kinds that a plan is made with, selected or not."""
_SELECTOR = re.compile(r"(?P<up>\+?)(?:(?P<method>[a-z]+):)?(?P<value>[^+:\s]+)(?P<down>\+?)")


@dataclass(frozen=True, slots=True)
class There:
    """All addresses that are wanted or recorded, with what is asked about them."""

    labels: Mapping[str, Mapping[str, str]]
    uses: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, frozenset[Action]] | None = None
    """What a plan would do to each; None where nothing was compared with what is recorded."""

    def chosen(self, selection: Selection) -> frozenset[str]:
        """What a selection means; HeadraceError as `fitting`."""
        taken = frozenset().union(*(self.fitting(text) for text in selection.select)) if selection.select else frozenset(self.labels)
        return taken.difference(*(self.fitting(text) for text in selection.exclude))

    def fitting(self, text: str) -> frozenset[str]:
        """The addresses that one selector means; HeadraceError `bad-selector` (exit 64)."""
        found = _SELECTOR.fullmatch(text)
        if found is None:
            raise _bad(text, "")
        named = frozenset(address for address in self.labels if self._fits(text, address, found["method"], found["value"]))
        if not named and found["method"] != "state":
            meant = nearest(found["value"], self.labels) if found["method"] is None else None
            help_ = f"did you mean `{meant}`?" if meant else "`headrace show` lists every address"
            raise HeadraceError(Diagnostic("nothing-selected", f"nothing fits `{text}`", help=help_), Exit.USAGE)
        below = closure(named, self.uses) if found["up"] else named
        above = closure(named, turned(self.uses)) if found["down"] else named
        return frozenset(address for address in below | above if address in self.labels)

    def _fits(self, text: str, address: str, method: str | None, value: str) -> bool:
        match method:
            case None:
                return fnmatchcase(address, value if "/" in value else f"*/{value}")
            case "kind":
                if value not in KINDS:
                    raise _bad(text, f": there is no kind `{value}`")
                return address.partition("/")[0] == value
            case "label":
                key, equals, wanted = value.partition("=")
                held = self.labels[address].get(key)
                return held is not None and (not equals or fnmatchcase(held, wanted))
            case "state":
                if value not in STATES:
                    raise _bad(text, f": a state is one of {', '.join(STATES)}")
                if self.actions is None:
                    message = f"`{text}` asks what was applied, and this command reads the specs alone"
                    raise HeadraceError(Diagnostic("bad-selector", message, help=f"type `headrace plan --select {text}`"), Exit.USAGE)
                return bool(self.actions.get(address, frozenset()) & STATES[value])
        raise _bad(text, f": there is no `{method}:`")


def _bad(text: str, why: str) -> HeadraceError:
    help_ = "`model/churn`, `model/ch*`, `+model/churn`, `model/churn+`, `kind:source`, `label:tier=critical` or `state:modified`"
    return HeadraceError(Diagnostic("bad-selector", f"`{text}` cannot be read as a selection{why}", help=help_), Exit.USAGE)


def narrow(project: Project, state: State, selection: Selection, whole_plan: Plan) -> tuple[Project, Scope]:
    """The project as it stands when only the selected is applied, the rest being as it was last applied; and what may be touched.

    HeadraceError: `bad-selector`, `nothing-selected` (exit 64); `selection-broken` (exit 4) where the two parts do not fit together.
    """
    moves = moved.due(project.project, state)
    past = moved.carried(project.project, state, moves)
    there = _there(project, past, whole_plan)
    chosen = there.chosen(selection)
    recorded = past.resources
    specs: dict[Address, AnyKind] = {}
    nodes = dict(project.scope.nodes)
    for name in sorted(there.labels):
        address = Address.parse(name)
        wanted = project.specs.get(address)
        if address.kind in ALWAYS and wanted is not None:
            specs[address] = wanted
        elif name in chosen or name not in recorded:
            if name in chosen and wanted is not None:
                specs[address] = wanted
        elif wanted is not None and fingerprint(wanted) == _digest(recorded[name], wanted):
            specs[address] = wanted
        else:
            specs[address], nodes[address] = applied(recorded[name])
    kept = _kept(specs, nodes, chosen, project, recorded)
    mixed = replace(project, specs=dict(sorted(specs.items())), scope=replace(project.scope, specs=specs, nodes=nodes))
    _judge(mixed)
    differing = {item.address for item in whole_plan.items if item.action is not Action.OUTSIDE}
    following = closure(chosen & differing, turned({str(a): tuple(references(a.kind, plain(s))) for a, s in specs.items()}))
    # A batch is a flow of its model's, whose files follow it.
    following |= {used for name in chosen & differing if name.startswith("batch/") for used in there.uses.get(name, ())}
    reached = {name for name in following if name.startswith("model/")} | {name for move in moves for name in (move.old, move.new)}
    scope = Scope(
        selection,
        chosen,
        frozenset(reached),
        kept,
        strangers=f"project/{project.project.name}" in chosen,
        known=frozenset({*there.labels, *state.resources}),
    )
    return mixed, scope


def _there(project: Project, past: State, plan: Plan) -> There:
    documents: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for address, spec in project.specs.items():
        documents.setdefault(str(address), []).append((address.kind, plain(spec)))
    for name, recorded in past.resources.items():
        documents.setdefault(name, []).append((recorded.kind, recorded.spec))
    actions: dict[str, frozenset[Action]] = {}
    for item in plan.items:
        actions[item.address] = actions.get(item.address, frozenset()) | {item.action}
    return There(
        {name: found[0][1].get("labels") or {} for name, found in documents.items()},
        {name: tuple({other for kind, one in found for other in references(kind, one)}) for name, found in documents.items()},
        actions,
    )


def _digest(recorded: Recorded, wanted: AnyKind) -> str:
    """A fingerprint that is the wanted one's exactly where the two are the same now; a moved name or reference was carried over."""
    return fingerprint(wanted) if recorded.spec == plain(wanted) and recorded.applied.get("written") == written(wanted) else ""


def applied(recorded: Recorded) -> tuple[AnyKind, document.Mapping]:
    """A spec as it was last applied, read again from what was written then."""
    report = Report()
    text = document.write(recorded.applied.get("written", recorded.spec))
    for node in document.parse(text.encode(), f"{recorded.address} as last applied", report):
        spec = decode(node, report)
        if spec is not None and isinstance(node, document.Mapping) and report.ok:
            return spec, node
    why = next((d.message for d in report), "it is empty")
    raise _broken(f"{recorded.address} as it was last applied cannot be read by this version: {why}")


def _kept(
    specs: dict[Address, AnyKind],
    nodes: dict[Address, document.Mapping],
    chosen: Iterable[str],
    project: Project,
    recorded: Mapping[str, Recorded],
) -> dict[str, str]:
    """What was selected to go, and is read by something that was not: it stays, and the plan says why."""
    kept: dict[str, str] = {}
    going = {name for name in chosen if name in recorded and Address.parse(name) not in project.specs}
    while True:
        users = turned({str(address): tuple(references(address.kind, plain(spec))) for address, spec in specs.items()})
        found = sorted(name for name in going - set(kept) if users.get(name))
        if not found:
            return kept
        for name in found:
            by = sorted(set(users[name]))
            kept[name] = f"{', '.join(by)}, as last applied, still read{'s' if len(by) == 1 else ''} it"
            address = Address.parse(name)
            specs[address], nodes[address] = applied(recorded[name])


def faults(mixed: Project) -> Sequence[Diagnostic]:
    """Where what is wanted and what was last applied do not fit together."""
    return Report([d for rule in RULES if rule not in (moved_rule.check, whole.check) for d in rule(mixed.scope)]).errors


def _judge(mixed: Project) -> None:
    if found := faults(mixed):
        raise _broken("; ".join(d.message for d in found[:3]))


def _broken(why: str) -> HeadraceError:
    message = f"what is selected does not fit the rest, which stays as last applied: {why}"
    return HeadraceError(Diagnostic("selection-broken", message, help="select what it needs too: `--select +ADDRESS`"), Exit.REFUSED)
