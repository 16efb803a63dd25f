"""What a folder's documents mean in one environment: overlays merged, expressions replaced, the result judged once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import cast

from headrace.address import Address
from headrace.compiled.workspace import DEFAULT
from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import Mapping as MappingNode
from headrace.document import Node
from headrace.hooks import Plugins
from headrace.project import overlay as merging
from headrace.project.environment import Declared
from headrace.project.origin import Origins
from headrace.project.overlay import Merging, Patch
from headrace.project.read import Draft, Drafts
from headrace.project.retold import retold
from headrace.project.rules import RULES, secrets
from headrace.project.scope import Scope
from headrace.project.segments import segmented
from headrace.project.strategies import climbed
from headrace.spec import KINDS, AnyKind
from headrace.spec.decode import read
from headrace.spec.partial import partial
from headrace.spec.unknown import UNKNOWN
from headrace.spec.value import Names, Replacing, Use
from headrace.spec.wording import nearest

_SETTLED = frozenset({"project", "environment"})
"""Kinds whose documents say the same in every environment."""
_MOVING = frozenset(KINDS) - _SETTLED


@dataclass(slots=True)
class Parts:
    """Specs and nodes by address; of what could not be decoded as a whole, what could be read of it."""

    specs: dict[Address, AnyKind] = field(default_factory=dict)
    nodes: dict[Address, MappingNode] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)

    def take(self, address: Address | None, node: Node, report: Report, *, adopt: bool = True) -> None:
        """Decode a document: without `adopt` for its faults alone; of a broken one, keep what could be read."""
        reading = read(node, report)
        if address is None or not adopt or not isinstance(reading.node, MappingNode):
            return
        self.nodes[address] = reading.node
        if reading.spec is not None:
            self.specs[address] = reading.spec
            return
        self.broken.add(address)
        found = partial(KINDS[address.kind], reading.node)
        if getattr(found, "name", UNKNOWN) is not UNKNOWN:
            self.specs[address] = cast("AnyKind", found)

    def copy(self) -> Parts:
        """The same, to add to."""
        return Parts(dict(self.specs), dict(self.nodes), set(self.broken))


@dataclass(frozen=True, slots=True)
class Patches:
    """The overlays of the environments that are looked at."""

    by_environment: Mapping[str, Sequence[Patch]]
    imagined: tuple[str, ...]
    """Environments that overlays are for and nobody declared: what is patched for them is judged all the same."""
    overlays: Mapping[str, Span]
    """Every overlay's document."""

    @property
    def targets(self) -> frozenset[Address]:
        """What is patched in any of them."""
        return frozenset(patch.target for found in self.by_environment.values() for patch in found)


def overlays(drafts: Drafts, static: Parts, environments: Sequence[str], report: Report) -> Patches:
    """Decode the overlays, and gather what those of some environments patch; they are no specs of their own."""
    found: dict[str, list[Patch]] = {name: [] for name in environments}
    known = {d.address: d for d in drafts.named if d.address is not None and d.address.kind not in ("project", "environment", "overlay")}
    declared = [address.name for address, _ in drafts.of("environment")] or [DEFAULT]
    spans: dict[str, Span] = {}
    imagined: dict[str, None] = {}
    for address, node in drafts.of("overlay"):
        static.take(address, node, report)
        overlay, meant = static.specs.pop(address, None), static.nodes[address]
        spans[address.name] = node.span
        environment = getattr(overlay, "environment", UNKNOWN)
        if environment is UNKNOWN:
            # Which environment is meant, nobody knows; what is patched is judged all the same.
            environment = NOWHERE
        elif environment not in declared and drafts.whole:
            report.add(_no_environment(meant, environment, declared))
        if environment == NOWHERE or (environment not in declared and drafts.whole):
            imagined[environment] = None
            found.setdefault(environment, [])
        for patch in merging.patches(address.name, meant, report, known) if environment in found else ():
            if patch.target in known:
                found[environment].append(patch)
            elif drafts.whole:
                report.add(merging.unmatched(patch, known))
    return Patches(found, tuple(imagined), spans)


NOWHERE = ""
"""What an environment is called of which an overlay does not say which it is."""


def _no_environment(node: MappingNode, name: str, declared: list[str]) -> Diagnostic:
    entry, meant = node.get("environment"), nearest(name, declared)
    return Diagnostic(
        "unknown-environment",
        f"there is no environment `{name}`",
        entry.value.span if entry is not None else node.span,
        caret=f"did you mean `{meant}`?" if meant else None,
        help=f"write `{meant}`"
        if meant
        else f"write a document with `kind: environment` and `name: {name}`, or one of: {', '.join(declared)}",
        replacement=meant,
    )


@dataclass(frozen=True, slots=True)
class Realized:
    """A folder in one environment, and what is wrong with it there."""

    name: str | None
    scope: Scope
    origins: Origins
    found: list[Diagnostic]
    removed: Mapping[tuple[Span, str], Span]
    retold: Mapping[tuple[str, Span], Diagnostic] = field(default_factory=dict)
    """Faults of form as the whole project tells them, by what they were and where."""


@dataclass(slots=True)
class World:
    """What all environments share: documents without patches and expressions are decoded once."""

    drafts: Drafts
    static: Parts
    declared: Declared
    patches: Patches
    uses: Mapping[Span, tuple[Use, ...]]
    plugins: Plugins | None
    texts: dict[str, str]
    root: FilePath | None = None
    moving: list[Draft] = field(default_factory=list)
    said: list[Diagnostic] = field(default_factory=list)
    """What was found before any environment."""
    _judged: dict[int, list[tuple[Parts, list[Diagnostic]]]] = field(default_factory=dict)
    """By what the moving documents look like, so that one environment is not held against all others."""
    _settled: list[Diagnostic] | None = None
    """Secrets in documents that are the same in every environment."""

    def decode_static(self, report: Report) -> None:
        """Decode what is the same in every environment, and set aside what is not."""
        targets = self.patches.targets
        for draft in self.drafts.all:
            address = draft.address
            if address is not None and not draft.again and address.kind in ("project", "environment", "overlay"):
                continue  # decoded already
            if address is not None and not draft.again and (draft.expressions or address in targets):
                self.moving.append(draft)
            else:
                # Of a document without an address no environment is known: its expressions may be worth anything.
                unknown = Replacing(Names({}, {}, whole=False), Report()) if draft.expressions else None
                node = unknown.document(draft.node) if unknown is not None else draft.node
                self.static.take(address, node, report, adopt=not draft.again)
        self.said = list(report.found)

    def realize(self, environment: str | None) -> Realized:
        """The folder in one environment; under None, of which no one could be chosen, for its other faults."""
        report = Report(texts=self.texts)
        shared = self.declared.names[None]
        known = environment is not None and environment not in self.patches.imagined
        names = self.declared.within(environment) if known and environment else Names(shared.variables, shared.shell, whole=False)
        replacing, merged = Replacing(names, report, dict(self.uses)), Merging(report)
        patches = self.patches.by_environment.get(environment, ()) if environment is not None else ()
        base = {draft.address: draft.node for draft in self.moving if draft.address is not None}
        report.extend(merging.conflicts(list(patches), base))
        parts = self.static.copy()
        for draft in self.moving:
            node = draft.node
            own = [patch for patch in patches if patch.target == draft.address]
            for patch in own if isinstance(node, MappingNode) else ():
                node = merged.document(node, patch) if isinstance(node, MappingNode) else node
            node = replacing.document(node)
            parts.take(draft.address, node, report)
        hidden = self.drafts.hidden.union(parts.broken)
        scope = Scope(parts.specs, parts.nodes, hidden, self.drafts.unread, self.plugins, bool(parts.broken), self.root)
        if self.plugins is not None:
            report.extend(climbed(scope, self.plugins, parts.specs))
        report.extend(segmented(scope, parts.specs, parts.nodes))
        said = [*self.said, *report.found]
        places, ruled = {diagnostic.span for diagnostic in said}, self._rules(parts, scope)
        report.extend(diagnostic for diagnostic in ruled if diagnostic.span not in places)
        better = retold(said, ruled, scope) if scope.partial else {}
        used = {patch.overlay for patch in patches}
        origins = Origins(replacing.uses, {name: span for name, span in self.patches.overlays.items() if name in used})
        return Realized(environment, scope, origins, report.found, merged.removed, better)

    def _rules(self, parts: Parts, scope: Scope) -> list[Diagnostic]:
        """What the rules say; two environments in which all documents are equal are judged once."""
        looks = hash(repr([parts.specs.get(draft.address) for draft in self.moving if draft.address]))
        for before, said in self._judged.get(looks, ()):
            if (
                not scope.partial
                and before.broken == parts.broken
                and all(before.specs.get(d.address) == parts.specs.get(d.address) for d in self.moving if d.address)
            ):
                return said
        found = [diagnostic for rule in RULES for diagnostic in rule(scope)]
        misplaced = self._secrets(scope)
        places = {diagnostic.span for diagnostic in misplaced}
        found = [diagnostic for diagnostic in found if diagnostic.span not in places] + misplaced
        self._judged.setdefault(looks, []).append((parts, found))
        return found

    def _secrets(self, scope: Scope) -> list[Diagnostic]:
        """Misplaced references to secrets; those of environments and of the project are looked for once."""
        suspects = [d.address for d in self.drafts.named if d.address is not None and (d.references or d.expressions)]
        if self._settled is None:
            self._settled = list(secrets.check(scope, suspects, _SETTLED))
        return [*self._settled, *secrets.check(scope, [*suspects, *self.patches.targets], _MOVING)]
