"""What `flows/headrace.json` says of governance: who must agree before a version is rolled out, or a plan is carried out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from headrace.compiled.config import Config

Tier = Literal["low", "medium", "high"]
"""How much harm a wrong answer may do."""
Duty = Literal["requester", "trainer", "card_author"]
"""What somebody did for a version that takes his vote on it away."""


class ApprovalConfig(Config):
    """Votes that are needed: `quorum` of the members of `groups`; durations in seconds."""

    groups: tuple[str, ...]
    quorum: int = Field(ge=1)
    distinct_groups: bool
    separation_of_duties: tuple[Duty, ...]
    deadline_seconds: int | float | None
    fresh_seconds: int | float | None
    keyed: bool
    """Whether a vote needs a key, by which its voter is known."""


class RequirementConfig(Config):
    """A condition that must hold."""

    id: str
    when: str


class BreakGlassConfig(Config):
    """How a policy is passed over in an emergency; durations in seconds."""

    group: str
    quorum: int = Field(ge=2)
    for_seconds: int | float
    review_seconds: int | float


class PolicyConfig(Config):
    """One policy as it holds for one model in this environment; what a model's own `governance` asks for is called by the model."""

    name: str
    on: Literal["promote", "deploy"]
    require: tuple[RequirementConfig, ...]
    approvals: tuple[ApprovalConfig, ...]
    break_glass: BreakGlassConfig | None
    mode: Literal["block", "warn"]
    notify: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    """Channels that are told of its requests; not printed where there are none."""

    def rules(self) -> dict[str, JsonValue]:
        """What decides by it: all but who is told."""
        return {key: value for key, value in self.to_json().items() if key != "notify"}


class GovernedConfig(Config):
    """What is at stake with one model, and the policies that hold for it."""

    risk: Tier
    policies: tuple[PolicyConfig, ...]


class GovernanceConfig(Config):
    """The people of each group that has a say, as principals, and the models that something is asked of."""

    groups: dict[str, tuple[str, ...]] = Field(default={})
    models: dict[str, GovernedConfig] = Field(default={})

    def policies(self, model: str, on: Literal["promote", "deploy"]) -> tuple[PolicyConfig, ...]:
        """Those that are asked about a model at such a moment; none where nothing is declared."""
        found = self.models.get(model)
        return () if found is None else tuple(policy for policy in found.policies if policy.on == on)
