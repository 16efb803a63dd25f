"""Whether a version may be rolled out, or a plan be carried out, now: from policies and facts alone, with the trace of why.

What is not known does not hold. A vote counts where its voter may vote at this moment; one vote that counts against it ends it; a deadline
that passes ends it; nothing is approved by silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from headrace.compiled.governance import ApprovalConfig, BreakGlassConfig, Duty, PolicyConfig
from headrace.governance.values import Ballot, Choice, Condition, Counted, Facts, Glass, Outcome, Ruling, Tally, Value, Verdict
from headrace.spec.expression import parse

_GRAVEST = (Outcome.REJECTED, Outcome.LAPSED, Outcome.WAITING, Outcome.REFUSED, Outcome.APPROVED)
"""A rejection ends it whatever the rest says; while votes are missing, what conditions say may still change."""
_BY_VOTES = frozenset({"approvals.count", "card.approved"})
"""What is known of a version only as its votes come in."""
_DID: Mapping[Duty, str] = {"requester": "asked for it", "trainer": "trained it", "card_author": "wrote its card"}


def decide(policies: Sequence[PolicyConfig], facts: Facts) -> Verdict:
    """What all policies say."""
    tallies = [tuple(_tally(approval, facts) for approval in policy.approvals) for policy in policies]
    asked = [tally for policy, found in zip(policies, tallies, strict=True) if policy.mode == "block" for tally in found]
    facts = replace(facts, values=_with_card(facts.values, agreed=bool(asked) and all(tally.complete for tally in asked)))
    rulings = tuple(_rule(policy, found, facts, voted=bool(asked)) for policy, found in zip(policies, tallies, strict=True))
    blocking = {ruling.outcome for ruling in rulings if ruling.mode == "block"}
    return Verdict(next((outcome for outcome in _GRAVEST if outcome in blocking), Outcome.APPROVED), rulings)


def why_not(ballot: Ballot, approval: ApprovalConfig, facts: Facts) -> str | None:
    """Why a vote does not count in an approval; None where it does."""
    if not ballot.principal.startswith("user:"):
        return "is no person"
    if not any(ballot.principal in facts.groups.get(group, ()) for group in approval.groups):
        return f"is no member of {' or '.join(f'group/{name}' for name in approval.groups)}"
    for duty in approval.separation_of_duties:
        if ballot.principal in facts.duties.get(duty, ()):
            return _DID[duty]
    if approval.keyed and ballot.auth_time is None:
        return "showed no key"
    if (stale := _stale(ballot, approval)) is not None:
        return stale
    return _untimely(ballot, facts)


def opens_glass(ballot: Ballot, glass: BreakGlassConfig, facts: Facts) -> str | None:
    """Why a vote does not count towards passing a policy over; None where it does. It always takes a key."""
    if not ballot.principal.startswith("user:"):
        return "is no person"
    if ballot.principal not in facts.groups.get(glass.group, ()):
        return f"is no member of group/{glass.group}"
    if ballot.auth_time is None:
        return "showed no key"
    return _untimely(ballot, facts)


def _stale(ballot: Ballot, approval: ApprovalConfig) -> str | None:
    if approval.fresh_seconds is None or ballot.auth_time is None:
        return None
    age = ballot.recorded_at - ballot.auth_time
    if timedelta() <= age <= timedelta(seconds=approval.fresh_seconds):
        return None
    return f"showed a key {abs(age.total_seconds()):.0f} s {'before' if age > timedelta() else 'after'} the vote"


def _untimely(ballot: Ballot, facts: Facts) -> str | None:
    if ballot.at < facts.requested_at:
        return "voted before it was asked for: the clock went back"
    if facts.deadline is not None and ballot.at > facts.deadline:
        return "voted after the deadline"
    return None


def _rule(policy: PolicyConfig, tallies: tuple[Tally, ...], facts: Facts, *, voted: bool) -> Ruling:
    count = len({vote.principal for tally in tallies for vote in tally.votes if vote.choice is Choice.APPROVE and vote.why_not is None})
    conditions = tuple(_conditions(policy, {**facts.values, "approvals.count": count}))
    outcome = _outcome(tallies, conditions, facts, voted=voted)
    glass = None
    if outcome in {Outcome.WAITING, Outcome.REFUSED, Outcome.LAPSED} and policy.break_glass is not None:
        glass = _glass(policy.break_glass, facts)
    return Ruling(policy.name, policy.mode, outcome if glass is None else Outcome.APPROVED, conditions, tallies, glass)


def _with_card(values: Mapping[str, Value], *, agreed: bool) -> Mapping[str, Value]:
    """With the card approved where all have agreed: their votes are bound to its digest, and approve it if it is complete."""
    return {**values, "card.approved": True} if agreed and values.get("card.complete") is True else values


def _outcome(tallies: Sequence[Tally], conditions: Sequence[Condition], facts: Facts, *, voted: bool) -> Outcome:
    holds, complete = all(item.holds is True for item in conditions), all(tally.complete for tally in tallies) or facts.granted
    if any(vote.choice is Choice.REJECT and vote.why_not is None for tally in tallies for vote in tally.votes) and not facts.granted:
        return Outcome.REJECTED
    if holds and complete:
        return Outcome.APPROVED
    if facts.deadline is not None and facts.now > facts.deadline and not facts.granted:
        return Outcome.LAPSED
    # More votes may mend a condition that counts them, where there are any.
    counted = voted and any(item.holds is not True and not item.read.keys().isdisjoint(_BY_VOTES) for item in conditions)
    return Outcome.WAITING if not complete or (counted and not facts.granted) else Outcome.REFUSED


def _conditions(policy: PolicyConfig, values: Mapping[str, bool | float | None]) -> Iterable[Condition]:
    for item in policy.require:
        condition = parse(item.when)
        read = {name: values.get(name) for name in sorted(condition.names())}
        yield Condition(item.id, item.when, condition.evaluate(read), read)


def _tally(approval: ApprovalConfig, facts: Facts) -> Tally:
    votes = tuple(
        Counted(ballot.principal, ballot.choice, why_not(ballot, approval, facts))
        for ballot in facts.ballots
        if ballot.choice is not Choice.BREAK_GLASS
    )
    agreed = sorted({vote.principal for vote in votes if vote.choice is Choice.APPROVE and vote.why_not is None})
    have = _distinct(agreed, approval.groups, facts.groups) if approval.distinct_groups else len(agreed)
    return Tally(approval.groups, approval.quorum, have, votes)


def _distinct(voters: Sequence[str], groups: Sequence[str], members: Mapping[str, frozenset[str]]) -> int:
    """How many voters can be of a group of their own each, at most (a maximum matching, by augmenting paths)."""
    taken: dict[str, str] = {}

    def seat(voter: str, tried: set[str]) -> bool:
        for group in groups:
            if voter in members.get(group, ()) and group not in tried:
                tried.add(group)
                if group not in taken or seat(taken[group], tried):
                    taken[group] = voter
                    return True
        return False

    return sum(seat(voter, set()) for voter in voters)


def _glass(glass: BreakGlassConfig, facts: Facts) -> Glass | None:
    """How the policy is passed over now: since the vote that completed it, for as long as it says."""
    first: dict[str, Ballot] = {}
    for ballot in sorted(facts.ballots, key=lambda ballot: ballot.at):
        if ballot.choice is Choice.BREAK_GLASS and opens_glass(ballot, glass, facts) is None:
            first.setdefault(ballot.principal, ballot)
    if len(first) < glass.quorum:
        return None
    since = sorted(ballot.at for ballot in first.values())[glass.quorum - 1]
    until = since + timedelta(seconds=glass.for_seconds)
    if facts.now >= until:
        return None
    return Glass(tuple(sorted(first)), until, since + timedelta(seconds=glass.review_seconds))
