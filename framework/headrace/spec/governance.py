"""The section `governance` of a model, and the kinds `policy` and `group`: who must agree before something happens."""

from __future__ import annotations

from typing import Literal

from headrace.spec.card import Section
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ChannelRef, EnvironmentRef, GroupRef, Name, PolicyCondition, PolicyRef
from headrace.spec.quantity import Duration

Tier = Literal["low", "medium", "high"]
"""How much harm a wrong answer may do."""
QUORUM: dict[Tier, int] = {"low": 1, "medium": 1, "high": 2}
"""How many must agree where nothing is said of it."""
Duty = Literal["requester", "trainer", "card_author"]
"""What somebody did for a version that takes his vote on it away."""
DUTIES: tuple[Duty, ...] = ("requester", "trainer", "card_author")


class Approval(Spec):
    """Votes that are needed before a version may enter an environment."""

    to: EnvironmentRef = field("The environment that is entered.", Effect.RECONFIGURE, example="environment/production")
    by: GroupRef = field("Whose members vote.", Effect.RECONFIGURE, example="group/model-risk")
    also_by: tuple[GroupRef, ...] = field(
        "Further groups whose members vote as well.", Effect.RECONFIGURE, default=(), example=["group/legal"]
    )
    quorum: int | None = field(
        "How many must agree; where nothing is said, two where the risk is high, and one elsewhere.",
        Effect.RECONFIGURE,
        default=None,
        example=2,
        ge=1,
    )
    distinct_groups: bool = field(
        "Whether each vote that counts must be of another group.", Effect.RECONFIGURE, default=False, example=True
    )
    separation_of_duties: tuple[Duty, ...] = field(
        "Who has no vote: who asked for it, who trained it, who wrote its card.",
        Effect.RECONFIGURE,
        default=DUTIES,
        example=["requester", "trainer"],
    )
    deadline: Duration | None = field(
        "When a request lapses that was not decided; it is never approved by lapse.", Effect.RECONFIGURE, default=None, example="72h"
    )
    fresh_authentication: Duration | None = field(
        "How long before a vote its voter's key was shown, at most; a vote without a key does not count then.",
        Effect.RECONFIGURE,
        default=None,
        example="10m",
    )


class Governance(Spec):
    """What is at stake, and who must agree."""

    risk: Tier | None = field(
        "How much harm a wrong answer may do, at least: what is known of the model may raise it, and nothing lowers it.",
        Effect.RECONFIGURE,
        default=None,
        example="high",
    )
    approvals: tuple[Approval, ...] = field(
        "Votes that are needed before a version is rolled out.",
        Effect.RECONFIGURE,
        default=(),
        example=[{"to": "environment/production", "by": "group/model-risk", "quorum": 1}],
    )
    policies: tuple[PolicyRef, ...] = field(
        "Policies that hold beside those that apply by label.",
        Effect.RECONFIGURE,
        default=(),
        example=["policy/release"],
    )
    notify: tuple[ChannelRef, ...] = field(
        "Who is told of requests for the votes that stand here: that one waits, that it soon lapses, what came of it.",
        Effect.RECONFIGURE,
        default=(),
        example=["channel/ml-team"],
    )
    card: str | None = field(
        "The model card's part that a person writes: a Markdown file.",
        Effect.METADATA,
        default=None,
        example="cards/employment.md",
        min_length=1,
    )
    card_sections: tuple[Section, ...] = field(
        "Parts that its card needs in words, beside those that its risk asks for.",
        Effect.METADATA,
        default=(),
        example=["fairness", "explainability"],
    )


class Requirement(Spec):
    """One condition that must hold."""

    id: Name = field("The requirement's name.", Effect.RECONFIGURE, example="evaluated")
    when: PolicyCondition = field(
        "What must hold, over `gates.passed`, `card.complete`, `card.approved`, `signature.valid`, `evaluation.age`, `approvals.count`,"
        " `risk.level` (1 is low, 3 is high).",
        Effect.RECONFIGURE,
        example="gates.passed and evaluation.age <= 14d",
    )


class BreakGlass(Spec):
    """How a policy is passed over in an emergency: by more than one, for a while, and looked at afterwards."""

    by: GroupRef = field("Whose members may.", Effect.RECONFIGURE, example="group/on-call")
    quorum: int = field("How many must, at least two.", Effect.RECONFIGURE, default=2, example=2, ge=2)
    for_: Duration = field(
        "How long it holds, unless the votes that were passed over are given meanwhile.", Effect.RECONFIGURE, alias="for", example="4h"
    )
    review_within: Duration = field("When it must have been looked at.", Effect.RECONFIGURE, example="24h")


class Policy(Spec):
    """Conditions and votes that hold for every model that it applies to."""

    kind: Literal["policy"]
    name: Name = field("The policy's name.", Effect.RECONFIGURE, example="release")
    description: str = field("Why it is there.", Effect.METADATA, default="", example="no stale evaluation reaches production")
    on: Literal["promote", "deploy", "retire"] = field(
        "When it is asked: before a version is rolled out, or before `apply` carries a plan out.",
        Effect.RECONFIGURE,
        example="promote",
        later=("retire",),
    )
    to: EnvironmentRef | None = field(
        "The environment whose entry it is asked at; any, where none is given.",
        Effect.RECONFIGURE,
        default=None,
        example="environment/production",
    )
    labels: dict[str, str] = field(
        "Models with all of these labels; every model, where none is given.", Effect.RECONFIGURE, default={}, example={"tier": "critical"}
    )
    require: tuple[Requirement, ...] = field(
        "Conditions that must hold.", Effect.RECONFIGURE, default=(), example=[{"id": "evaluated", "when": "gates.passed"}]
    )
    approvals: tuple[Approval, ...] = field(
        "Votes that are needed.",
        Effect.RECONFIGURE,
        default=(),
        example=[{"to": "environment/production", "by": "group/model-risk"}],
    )
    break_glass: BreakGlass | None = field(
        "How it is passed over in an emergency; without it, it cannot be.",
        Effect.RECONFIGURE,
        default=None,
        example={"by": "group/on-call", "for": "4h", "review_within": "24h"},
    )
    notify: tuple[ChannelRef, ...] = field(
        "Who is told of its requests: that one waits, that it soon lapses, what came of it, and that it was passed over.",
        Effect.RECONFIGURE,
        default=(),
        example=["channel/ml-team"],
    )
    mode: Literal["block", "warn"] = field("`warn` records without blocking.", Effect.RECONFIGURE, default="block", example="block")


class Group(Spec):
    """People who decide together."""

    kind: Literal["group"]
    name: Name = field("The group's name.", Effect.RECONFIGURE, example="model-risk")
    description: str = field("Who they are.", Effect.METADATA, default="", example="independent validation")
    members: tuple[str, ...] = field(
        "People by name: that of the principal of their API key, or of their user on this machine.",
        Effect.RECONFIGURE,
        default=(),
        example=["alice@example.com", "bob@example.com"],
    )
    ldap: str | None = field(
        "The distinguished name of a directory's group.",
        Effect.RECONFIGURE,
        default=None,
        example="cn=model-risk,ou=groups,dc=example,dc=org",
        min_length=1,
        later=True,
    )
    oidc: str | None = field(
        "The value of the identity provider's claim `groups`.",
        Effect.RECONFIGURE,
        default=None,
        example="model-risk",
        min_length=1,
        later=True,
    )
