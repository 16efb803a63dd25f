"""Which environment a command works in, and what its variables are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace.address import Address
from headrace.compiled.workspace import DEFAULT
from headrace.diagnostics import Diagnostic, Report
from headrace.document import UNREADABLE, Node, Scalar
from headrace.document import Mapping as MappingNode
from headrace.project.read import Drafts
from headrace.project.scope import Scope
from headrace.spec import Environment
from headrace.spec.value import Names, Replacing
from headrace.spec.wording import nearest


def choose(scope: Scope, wanted: str | None, report: Report) -> Environment | None:  # noqa: PLR0911 - one line a way to choose
    """The environment that is named; else the only one; else `dev`. None after a fault."""
    declared = {environment.name: environment for environment in scope.of(Environment)}
    broken = {address.name for address in scope.broken if address.kind == "environment"}
    if wanted in broken or "environment" in scope.unread or (wanted is None and broken):
        return declared.get(wanted) if wanted is not None else None
    if not declared and wanted in (None, DEFAULT):
        return Environment(kind="environment", name=DEFAULT)
    if wanted is None:
        if len(declared) == 1:
            return next(iter(declared.values()))
        if DEFAULT in declared:
            return declared[DEFAULT]
        message = f"there are {len(declared)} environments, and none is called `{DEFAULT}`: {', '.join(declared)}"
        report.add(Diagnostic("which-environment", message, help=f"name one: `--env {next(iter(declared))}`"))
        return None
    if wanted not in declared:
        meant = nearest(wanted, declared)
        help_ = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(declared) or DEFAULT}"
        report.add(Diagnostic("unknown-environment", f"there is no environment `{wanted}`", help=help_))
        return None
    return declared[wanted]


@dataclass(slots=True)
class Declared:
    """The project's document and the environments', their own expressions replaced, and what they make of variables."""

    nodes: dict[Address, Node] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)
    """Those in which something could not be replaced."""
    names: dict[str | None, Names] = field(default_factory=dict)
    """What expressions may name, by environment; under None what the project alone gives."""

    def within(self, environment: str) -> Names:
        """What expressions of an environment may name."""
        return self.names.get(environment, self.names[None])


def declare(drafts: Drafts, replacing: Replacing) -> Declared:
    """Variables first, made of the shell and of one another; then the rest of the documents that give them."""
    found = Declared(names={None: replacing.names})
    # With a second project (a fault), the first in the order of names gives the variables.
    for address, node in sorted(drafts.of("project"), key=lambda item: item[0]):
        own = _declared(address, node, found.names[None], replacing, found)
        found.names[None] = found.names[None] if found.names[None].variables else own
    for address, node in drafts.of("environment"):
        found.names[address.name] = _declared(address, node, found.names[None], replacing, found)
    return found


def _declared(address: Address, node: MappingNode, outer: Names, replacing: Replacing, found: Declared) -> Names:
    entry = node.get("variables")
    broken = False
    names = outer
    if entry is not None:
        replacing.names = outer
        changed = entry
        if isinstance(entry.value, MappingNode):
            changed = entry._replace(value=replacing.variables(entry.value))
            broken = replacing.broken
        variables, whole = _scalars(changed.value)
        names = Names({**outer.variables, **variables}, outer.shell, outer.whole and whole and not broken)
        node = MappingNode(tuple(changed if old is entry else old for old in node.entries), node.span)
    replacing.names = names
    found.nodes[address] = replacing.document(node, without=("variables",))
    if broken or replacing.broken:
        found.broken.add(address)
    return names


def _scalars(node: Node) -> tuple[Mapping[str, Scalar], bool]:
    """The variables that a mapping gives, and whether all of it could be read as such."""
    if not isinstance(node, MappingNode):
        return {}, False
    # One that is no single value is there, and of no value that anybody knows.
    unreadable = {entry.key: Scalar(None, "", entry.value.span, UNREADABLE) for entry in node.entries}
    given = {entry.key: entry.value for entry in node.entries if isinstance(entry.value, Scalar) and entry.value.value is not None}
    return {**unreadable, **given}, True


def each(scope: Scope, wanted: str | None, report: Report, *, every: bool) -> Iterator[Environment]:
    """The environment that is meant, or every one."""
    declared = scope.of(Environment)
    if every and wanted is None and declared:
        yield from declared
        return
    chosen = choose(scope, wanted, report)
    if chosen is not None:
        yield chosen
