"""What a decision about a version, or a plan, rests on, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from headrace.compiled.governance import Duty
from headrace.store.kinds import VoteChoice as Choice

__all__ = ["Ballot", "Choice", "Condition", "Counted", "Facts", "Glass", "On", "Outcome", "Ruling", "Subject", "Tally", "Value", "Verdict"]

On = Literal["promote", "deploy"]
"""When a policy is asked."""
Value = bool | float | None
"""What is known of a subject by one name of a condition; None where it is not."""


class Outcome(StrEnum):
    """What policies say, all together."""

    APPROVED = "approved"
    WAITING = "waiting"
    """Votes are missing."""
    REFUSED = "refused"
    """A condition does not hold, which no vote mends."""
    REJECTED = "rejected"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is voted upon, by digests, so that what was changed is something else; `number` is None for a plan."""

    model: str
    environment: str
    on: On
    number: int | None
    digests: Mapping[str, str | None]
    """Of a version: `artifact`, `card`, `evaluation`. Of a plan: `plan`."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What conditions may read of it, but for votes and risk."""
    duties: Mapping[Duty, frozenset[str]] = field(default_factory=dict)
    """Who did what for it, but for who asked."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote. `at` is the clock's time; `recorded_at` and `auth_time`, when its voter's key was shown, are the wall's."""

    principal: str
    choice: Choice
    at: datetime
    recorded_at: datetime
    auth_time: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on. `groups` are their members now; `granted` says that the votes were complete once."""

    now: datetime
    requested_at: datetime
    deadline: datetime | None
    groups: Mapping[str, frozenset[str]]
    duties: Mapping[Duty, frozenset[str]]
    values: Mapping[str, Value]
    ballots: Sequence[Ballot] = ()
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What came of one requirement; `holds` is None where a value that decides it is not known."""

    id: str
    when: str
    holds: bool | None
    read: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of one vote in one approval; `why_not` is None where it counts."""

    principal: str
    choice: Choice
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How far one approval has come: `have` of `quorum`."""

    groups: tuple[str, ...]
    quorum: int
    have: int
    votes: tuple[Counted, ...]

    @property
    def complete(self) -> bool:
        """Whether nobody more must agree."""
        return self.have >= self.quorum


@dataclass(frozen=True, slots=True)
class Glass:
    """A policy that is passed over: by whom, until when, and by when that must be looked at."""

    by: tuple[str, ...]
    until: datetime
    review_by: datetime

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"by": list(self.by), "until": self.until.isoformat(), "review_by": self.review_by.isoformat()}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one policy says, and why."""

    policy: str
    mode: Literal["block", "warn"]
    outcome: Outcome
    conditions: tuple[Condition, ...]
    tallies: tuple[Tally, ...]
    glass: Glass | None = None

    @property
    def reason(self) -> str:
        """Why it does not let the subject in, in one line."""
        unmet = [_said(item) for item in self.conditions if item.holds is not True]
        votes = [f"{item.have} of {item.quorum} votes of {_of(item.groups)}" for item in self.tallies if not item.complete]
        match self.outcome:
            case Outcome.REJECTED:
                by = sorted({vote.principal for t in self.tallies for vote in t.votes if vote.choice is Choice.REJECT and not vote.why_not})
                return f"policy {self.policy}: rejected by {', '.join(by)}"
            case Outcome.LAPSED:
                return f"policy {self.policy}: its deadline passed with {'; '.join([*votes, *unmet])}"
            case _:
                return f"policy {self.policy}: {'; '.join([*unmet, *votes])}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all policies say together: the gravest of those that block."""

    outcome: Outcome
    rulings: tuple[Ruling, ...]

    @property
    def reason(self) -> str:
        """Why, in one line; of those that block and do not agree."""
        return "; ".join(r.reason for r in self.rulings if r.mode == "block" and r.outcome is not Outcome.APPROVED)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What policies say that only warn."""
        return tuple(r.reason for r in self.rulings if r.mode == "warn" and r.outcome is not Outcome.APPROVED)

    @property
    def glass(self) -> Glass | None:
        """How it was passed over, where it was: the one that ends first."""
        return min((r.glass for r in self.rulings if r.glass is not None), key=lambda glass: glass.until, default=None)

    def to_json(self) -> list[dict[str, Any]]:
        """The trace: each requirement with what was known, each vote with why it does not count."""
        return [_traced(ruling) for ruling in self.rulings]


def _traced(ruling: Ruling) -> dict[str, Any]:
    glass = ruling.glass
    return {
        "policy": ruling.policy,
        "mode": ruling.mode,
        "outcome": ruling.outcome.value,
        "require": [{"id": c.id, "when": c.when, "holds": c.holds, "read": dict(c.read)} for c in ruling.conditions],
        "approvals": [
            {
                "groups": list(tally.groups),
                "quorum": tally.quorum,
                "have": tally.have,
                "votes": [{"principal": v.principal, "choice": v.choice.value, "why_not": v.why_not} for v in tally.votes],
            }
            for tally in ruling.tallies
        ],
        "break_glass": None if glass is None else glass.to_json(),
    }


def _said(item: Condition) -> str:
    known = ", ".join(f"{name} is {_value(value)}" for name, value in item.read.items())
    return f"`{item.id}` wants {item.when}, and {known}"


def _value(value: Value) -> str:
    match value:
        case None:
            return "not known"
        case bool():
            return "true" if value else "false"
        case _:
            return f"{value:g}"


def _of(groups: tuple[str, ...]) -> str:
    return " and ".join(f"group/{name}" for name in groups)
