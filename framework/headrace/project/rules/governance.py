"""Approvals can be reached, groups have somebody in them, and policies read what is known of a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.document import Scalar, inside
from headrace.project.rules.quantities import Kind, other_kind
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Group, Model, Policy
from headrace.spec.expression import Compare, ExpressionError, Truth, mend, parse
from headrace.spec.governance import Approval, Requirement
from headrace.spec.wording import nearest

FACTS: Mapping[str, Kind] = {
    "gates.passed": "truth",
    "card.complete": "truth",
    "signature.valid": "truth",
    "evaluation.age": "duration",
    "approvals.count": "count",
}
"""What a policy may ask of a version, and what it is."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All groups, policies, and the governance of models."""
    for group in scope.of(Group):
        yield from _members(scope, group)
    for model in scope.of(Model):
        yield from _governance(scope, model)
    for policy in scope.of(Policy):
        yield from _policy(scope, policy)
        yield from _required(scope, policy)


@question
def _members(scope: Scope, group: Group) -> Iterator[Diagnostic]:
    if not group.members and group.ldap is None and group.oidc is None:
        here = address_of(group)
        mend = "write `members: [alice@example.com]`, or `ldap`, or `oidc`"
        yield Diagnostic("empty-group", f"nobody is in {here}", scope.where(here, ("name",)), help=mend)


@question
def _governance(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.governance is not None:
        for position, approval in enumerate(model.governance.approvals):
            yield from _approval(scope, address_of(model), ("governance", "approvals", position), approval)


@question
def _policy(scope: Scope, policy: Policy) -> Iterator[Diagnostic]:
    for position, approval in enumerate(policy.approvals):
        yield from _approval(scope, address_of(policy), ("approvals", position), approval)


@question
def _required(scope: Scope, policy: Policy) -> Iterator[Diagnostic]:
    for position, item in enumerate(policy.require):
        yield from _condition(scope, policy, ("require", position, "when"), item)


@question
def _approval(scope: Scope, address: Address, path: Path, approval: Approval) -> Iterator[Diagnostic]:
    group = scope.get(Group, approval.by)
    if group is None or group.ldap is not None or group.oidc is not None:
        return
    voters = len(set(group.members))
    if approval.quorum > voters > 0:
        message = f"{approval.quorum} must agree, and {approval.by} has {voters}: it can never be approved"
        related = (scope.where(address_of(group), ("members",), key=True),)
        place = scope.where(address, (*path, "quorum"))
        yield Diagnostic("quorum-too-large", message, place, help=f"write at most `quorum: {voters}`", related=related)


@question
def _condition(scope: Scope, policy: Policy, path: Path, item: Requirement) -> Iterator[Diagnostic]:
    node = scope.node(address_of(policy), path)
    whole = scope.where(address_of(policy), path)
    try:
        condition = parse(item.when)
    except ExpressionError as error:
        place = inside(node, error.start, error.end) if isinstance(node, Scalar) else whole
        written = mend(error, item.when)
        help_ = f"write `{written}`" if written else "write for example `gates.passed and approvals.count >= 2`"
        yield Diagnostic("bad-condition", error.message, place, help=help_, replacement=error.instead)
        return
    for leaf in condition.leaves():
        place = inside(node, leaf.start, leaf.start + len(leaf.name)) if isinstance(node, Scalar) else whole
        if leaf.name not in FACTS:
            meant = nearest(leaf.name, FACTS)
            caret = f"did you mean `{meant}`?" if meant else None
            help_ = f"there are {', '.join(FACTS)}"
            yield Diagnostic("unknown-quantity", f"nothing knows `{leaf.name}` of a version", place, caret, help_, replacement=meant)
        elif isinstance(leaf, Truth) and FACTS[leaf.name] != "truth":
            usual = "<= 14d" if FACTS[leaf.name] == "duration" else ">= 2"
            yield Diagnostic(
                "bad-condition", f"`{leaf.name}` is a number: compare it", place, help=f"write for example `{leaf.name} {usual}`"
            )
        elif isinstance(leaf, Compare) and FACTS[leaf.name] == "truth":
            message = f"`{leaf.name}` is true or false: it is compared with nothing"
            yield Diagnostic("bad-condition", message, place, help=f"write `{leaf.name}`")
        elif isinstance(leaf, Compare) and (found := other_kind(leaf, FACTS[leaf.name], place)) is not None:
            yield found
