"""Policies, approvals and groups as runs and servers of one environment are told them."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.address import Address
from headrace.compiled import ApprovalConfig, BreakGlassConfig, GovernanceConfig, GovernedConfig, PolicyConfig, RequirementConfig
from headrace.compiler.literal import seconds
from headrace.project import Project
from headrace.project.risk import risk
from headrace.spec import Group, Model, Policy
from headrace.spec.governance import QUORUM, Approval, BreakGlass, Tier
from headrace.spec.person import person


def governance(project: Project) -> GovernanceConfig:
    """What holds in the project's environment; nothing where nothing is declared."""
    models = {model.name: found for model in project.models if (found := governed(project, model)) is not None}
    groups = {name for one in models.values() for name in _groups(one)}
    people = {
        group.name: tuple(sorted({person(member) for member in group.members})) for group in project.scope.of(Group) if group.name in groups
    }
    return GovernanceConfig(groups=people, models=models)


def governed(project: Project, model: Model) -> GovernedConfig | None:
    """The policies that hold for a model; None where there are none."""
    tier = risk(project.scope, model, project.environment).tier
    declared = (policy for policy in project.scope.of(Policy) if _holds(policy, model, project.environment.name))
    found = (*_own(project, model, tier), *(_policy(project, policy, tier) for policy in declared))
    return GovernedConfig(risk=tier, policies=found) if found else None


def _holds(policy: Policy, model: Model, environment: str) -> bool:
    """Whether a policy is asked of a model in an environment: by its labels, or by its name in the model."""
    if policy.to is not None and Address.parse(policy.to).name != environment:
        return False
    named = model.governance.policies if model.governance is not None else ()
    return f"policy/{policy.name}" in named or policy.labels.items() <= model.labels.items()


def _own(project: Project, model: Model, tier: Tier) -> tuple[PolicyConfig, ...]:
    """The approvals that a model asks for itself, as a policy of its own."""
    asked = model.governance.approvals if model.governance is not None else ()
    approvals = _approvals(project, asked, tier)
    if not approvals:
        return ()
    told = model.governance.notify if model.governance is not None else ()
    policy = PolicyConfig(
        name=f"model/{model.name}", on="promote", require=(), approvals=approvals, break_glass=None, mode="block", notify=_channels(told)
    )
    return (policy,)


def _policy(project: Project, policy: Policy, tier: Tier) -> PolicyConfig:
    if policy.on == "retire":
        raise AssertionError(policy.name)  # nothing runs by it yet, and it is refused
    return PolicyConfig(
        name=policy.name,
        on=policy.on,
        require=tuple(RequirementConfig(id=item.id, when=item.when) for item in policy.require),
        approvals=_approvals(project, policy.approvals, tier),
        break_glass=None if policy.break_glass is None else _break_glass(policy.break_glass),
        mode=policy.mode,
        notify=_channels(policy.notify),
    )


def _channels(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(Address.parse(name).name for name in names))


def _approvals(project: Project, asked: Iterable[Approval], tier: Tier) -> tuple[ApprovalConfig, ...]:
    here = project.environment.name
    return tuple(_approval(item, tier) for item in asked if Address.parse(item.to).name == here)


def _approval(item: Approval, tier: Tier) -> ApprovalConfig:
    return ApprovalConfig(
        groups=tuple(dict.fromkeys(Address.parse(name).name for name in (item.by, *item.also_by))),
        quorum=item.quorum if item.quorum is not None else QUORUM[tier],
        distinct_groups=item.distinct_groups,
        separation_of_duties=item.separation_of_duties,
        deadline_seconds=None if item.deadline is None else seconds(item.deadline),
        fresh_seconds=None if item.fresh_authentication is None else seconds(item.fresh_authentication),
        keyed=tier == "high" or item.fresh_authentication is not None,
    )


def _break_glass(item: BreakGlass) -> BreakGlassConfig:
    return BreakGlassConfig(
        group=Address.parse(item.by).name,
        quorum=item.quorum,
        for_seconds=seconds(item.for_),
        review_seconds=seconds(item.review_within),
    )


def _groups(found: GovernedConfig) -> Iterable[str]:
    for policy in found.policies:
        for approval in policy.approvals:
            yield from approval.groups
        if policy.break_glass is not None:
            yield policy.break_glass.group
