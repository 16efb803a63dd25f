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
from headrace.spec.governance import QUORUM, Approval, Requirement
from headrace.spec.person import person
from headrace.spec.wording import nearest

FACTS: Mapping[str, Kind] = {
    "gates.passed": "truth",
    "card.complete": "truth",
    "card.approved": "truth",
    "signature.valid": "truth",
    "evaluation.age": "duration",
    "approvals.count": "count",
    "risk.level": "count",
}
"""What a policy may ask of a version, and what it is."""
OF_PLANS = ("approvals.count", "risk.level")
"""What may be asked of a plan, which is of no version."""


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
    here = address_of(group)
    for position, member in enumerate(group.members):
        if not member.strip() or member.casefold().startswith("service:"):
            message = f"`{member}` is no person: what acts by itself may not vote"
            help_ = "name people, as `headrace keys create --principal NAME` does"
            yield Diagnostic("machine-voter", message, scope.where(here, ("members", position)), help=help_)


@question
def _governance(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.governance is not None:
        for position, approval in enumerate(model.governance.approvals):
            tier = model.governance.risk or "low"
            yield from _approval(scope, address_of(model), ("governance", "approvals", position), approval, QUORUM[tier])


@question
def _policy(scope: Scope, policy: Policy) -> Iterator[Diagnostic]:
    for position, approval in enumerate(policy.approvals):
        yield from _approval(scope, address_of(policy), ("approvals", position), approval, QUORUM["low"])
    if policy.break_glass is not None and len(voters := _voters(scope, (policy.break_glass.by,)) or ()) < policy.break_glass.quorum:
        place = scope.where(address_of(policy), ("break_glass", "quorum"))
        message = f"{policy.break_glass.quorum} must agree, and {policy.break_glass.by} has {len(voters)}: it can never be passed over"
        if voters:
            yield Diagnostic("quorum-too-large", message, place, help="name a group of more people")


@question
def _required(scope: Scope, policy: Policy) -> Iterator[Diagnostic]:
    for position, item in enumerate(policy.require):
        yield from _condition(scope, policy, ("require", position, "when"), item)


@question
def _approval(scope: Scope, address: Address, path: Path, approval: Approval, usual: int) -> Iterator[Diagnostic]:
    """`usual` is the quorum where nothing is said of it."""
    groups = (approval.by, *approval.also_by)
    voters, quorum = _voters(scope, groups), approval.quorum or usual
    if voters is None or not voters:
        return
    most = min(len(voters), len(set(groups))) if approval.distinct_groups else len(voters)
    if quorum > most:
        whose = approval.by if len(groups) == 1 else " and ".join(groups)
        has = f"of {len(set(groups))} groups one each counts" if most < len(voters) else f"{whose} has {len(voters)}"
        message = f"{quorum} must agree, and {has}: it can never be approved"
        first = scope.get(Group, approval.by)
        related = (scope.where(address_of(first), ("members",), key=True),) if first is not None else ()
        place = scope.where(address, (*path, "quorum"))
        yield Diagnostic("quorum-too-large", message, place, help=f"write at most `quorum: {most}`", related=related)


def _voters(scope: Scope, names: tuple[str, ...]) -> set[str] | None:
    """The people of some groups, each once; None where that is not known here."""
    found: set[str] = set()
    for name in names:
        group = scope.get(Group, name)
        if group is None or group.ldap is not None or group.oidc is not None:
            return None
        found.update(person(member) for member in group.members)
    return found


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
        elif policy.on == "deploy" and leaf.name not in OF_PLANS:
            help_ = f"a plan has {' and '.join(OF_PLANS)}; ask the rest with `on: promote`"
            yield Diagnostic("unknown-quantity", f"nothing knows `{leaf.name}` of a plan", place, help=help_)
        elif leaf.name == "approvals.count" and not policy.approvals:
            help_ = "write `approvals`, which says who votes"
            yield Diagnostic("bad-condition", "nobody votes by this policy: there is nothing to count", place, help=help_)
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
