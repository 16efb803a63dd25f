"""The section `governance` of a model, and the kinds `policy` and `group`: who must agree before something happens."""

from __future__ import annotations

from typing import Literal

from headrace.spec.card import Section
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import EnvironmentRef, GroupRef, Name, PolicyCondition, PolicyRef
from headrace.spec.quantity import Duration


class Approval(Spec):
    """Votes that are needed before a version may enter an environment."""

    to: EnvironmentRef = field("The environment that is entered.", Effect.RECONFIGURE, example="environment/production")
    by: GroupRef = field("Whose members vote; who asked for it has no vote.", Effect.RECONFIGURE, example="group/model-risk")
    quorum: int = field("How many must agree.", Effect.RECONFIGURE, default=1, example=2, ge=1)
    deadline: Duration | None = field(
        "When a request lapses that was not decided; it is never approved by lapse.", Effect.RECONFIGURE, default=None, example="72h"
    )


class Governance(Spec):
    """What is at stake, and who must agree."""

    risk: Literal["low", "medium", "high"] | None = field(
        "How much harm a wrong answer may do.", Effect.RECONFIGURE, default=None, example="high"
    )
    approvals: tuple[Approval, ...] = field(
        "Votes that are needed.",
        Effect.RECONFIGURE,
        default=(),
        example=[{"to": "environment/production", "by": "group/model-risk", "quorum": 1}],
        later=True,
    )
    policies: tuple[PolicyRef, ...] = field(
        "Policies that hold beside those that apply by label.",
        Effect.RECONFIGURE,
        default=(),
        example=["policy/release"],
        later=True,
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
        "What must hold, over `gates.passed`, `card.complete`, `signature.valid`, `evaluation.age`, `approvals.count`.",
        Effect.RECONFIGURE,
        example="gates.passed and evaluation.age <= 14d",
    )


class Policy(Spec):
    """Conditions and votes that hold for every model that it applies to."""

    kind: Literal["policy"] = field("A policy.", Effect.METADATA, example="policy", later=True)
    name: Name = field("The policy's name.", Effect.RECONFIGURE, example="release")
    description: str = field("Why it is there.", Effect.METADATA, default="", example="no stale evaluation reaches production")
    on: Literal["promote", "deploy", "retire"] = field("When it is asked.", Effect.RECONFIGURE, example="promote")
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
    mode: Literal["block", "warn"] = field("`warn` records without blocking.", Effect.RECONFIGURE, default="block", example="block")


class Group(Spec):
    """People who decide together."""

    kind: Literal["group"] = field("A group.", Effect.METADATA, example="group", later=True)
    name: Name = field("The group's name.", Effect.RECONFIGURE, example="model-risk")
    description: str = field("Who they are.", Effect.METADATA, default="", example="independent validation")
    members: tuple[str, ...] = field(
        "Principals by name.", Effect.RECONFIGURE, default=(), example=["alice@example.com", "bob@example.com"]
    )
    ldap: str | None = field(
        "The distinguished name of a directory's group.",
        Effect.RECONFIGURE,
        default=None,
        example="cn=model-risk,ou=groups,dc=example,dc=org",
        min_length=1,
    )
    oidc: str | None = field(
        "The value of the identity provider's claim `groups`.", Effect.RECONFIGURE, default=None, example="model-risk", min_length=1
    )
