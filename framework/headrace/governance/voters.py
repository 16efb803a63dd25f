"""Who may vote on something, and why others of the groups that are asked may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.compiled.governance import PolicyConfig
from headrace.governance.decide import why_not
from headrace.governance.values import Ballot, Choice, Facts


@dataclass(frozen=True, slots=True)
class Member:
    """One of a group that is asked; `why_not` is None where the vote would count."""

    principal: str
    why_not: str | None


def voters(policies: Iterable[PolicyConfig], known: Facts, wall: datetime) -> list[Member]:
    """Each member of a group that is asked, by name, as if a key were shown at `wall`."""
    found: dict[str, list[str | None]] = {}
    for policy in policies:
        for approval in policy.approvals:
            for name in sorted(frozenset[str]().union(*(known.groups.get(group, frozenset()) for group in approval.groups))):
                ballot = Ballot(name, Choice.APPROVE, known.now, wall, wall)
                found.setdefault(name, []).append(why_not(ballot, approval, known))
    return [Member(name, None if None in whys else whys[0]) for name, whys in sorted(found.items())]
