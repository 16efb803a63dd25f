"""What is to be done about a rollout now, from facts alone.

There are three verdicts. Evidence of harm rolls back, evidence of no harm promotes, and neither is undecided: then the steps go on, and
after the last one `when_undecided` says whether it is rolled back or held. Silence is no verdict: it holds, then rolls back. A newer
candidate waits until the rollout that is running has ended, whatever its end; of several that wait, the newest goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from headrace.rollout.canary import Canary
from headrace.rollout.judgement import Judgement, judge
from headrace.stats.eprocess import Stratum
from headrace.traffic import CANDIDATE, CHAMPION, Abort, Weights

LOOKS = 4
"""How many looks are due in one step, at least."""


@dataclass(frozen=True, slots=True)
class Running:
    """The rollout that has not ended: `step` counts from 0, `passed` names metrics."""

    candidate: int
    champion: int
    step: int
    started_at: datetime
    step_since: datetime
    passed: tuple[str, ...] = ()
    wrong_share: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on. `counts` by metric, one stratum an epoch; `heard` is the candidate's last request."""

    canary: Canary
    now: datetime
    driven: bool
    running: Running | None
    waiting: int | None
    champion: int | None
    weights: Weights | None
    counts: Mapping[str, Sequence[Stratum]]
    heard: datetime | None
    withdrawn: bool = False
    """Whether the gates have rejected the candidate since its rollout began."""


@dataclass(frozen=True, slots=True)
class Idle:
    """No candidate waits, and no rollout runs."""


@dataclass(frozen=True, slots=True)
class Start:
    """Give the waiting candidate its first share."""

    candidate: int
    champion: int
    look: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """Go on as it is, and look again."""

    judgement: Judgement
    look: datetime


@dataclass(frozen=True, slots=True)
class Raise:
    """Go on to the next step."""

    judgement: Judgement
    step: int
    look: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on as it is for a reason that a person should know."""

    judgement: Judgement
    kind: Literal["no-data", "wrong-share", "undecided"]
    reason: str
    look: datetime


@dataclass(frozen=True, slots=True)
class Promote:
    """Make the candidate the champion; without a judgement it is the model's first, or nothing is declared to judge it by."""

    candidate: int
    judgement: Judgement | None
    reason: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Leave the candidate where it is, no worse: an experiment says whether it is better."""

    judgement: Judgement
    reason: str


@dataclass(frozen=True, slots=True)
class RollBack:
    """Give everything to the champion. `abort` is the evidence where it was found only now; `failed` where the ground was lost."""

    verdict: Literal["harmful", "undecided", "no-data", "failed"]
    reason: str
    judgement: Judgement
    abort: Abort | None = None


Action = Idle | Start | Look | Raise | Hold | Promote | HandOver | RollBack
"""Exactly one is to be done."""


def decide(facts: Facts) -> Action:
    """One look. The order is the order of caution: lost ground, harm, silence, wrong shares, promotion, the step's end."""
    if facts.running is None:
        return _begin(facts)
    running = facts.running
    judgement = judge(facts.canary, facts.counts, running.passed, None if facts.driven else facts.now - running.started_at)
    return (
        _lost(facts, running, judgement)
        or _harm(facts, judgement)
        or _silence(facts, running, judgement)
        or _share(facts, running, judgement)
        or _promotion(running, judgement)
        or _step(facts, running, judgement)
    )


def handing_over(facts: Facts) -> Action:
    """`decide`, where an experiment is to follow: what would be promoted on evidence is handed over to it."""
    action = decide(facts)
    if isinstance(action, Promote) and action.judgement is not None:
        return HandOver(action.judgement, action.reason)
    return action


def interval(canary: Canary, step: int) -> timedelta:
    """How long it is from one look to the next."""
    return canary.steps[min(step, len(canary.steps) - 1)].hold / LOOKS


def _begin(facts: Facts) -> Action:
    if facts.waiting is None:
        return Idle()
    if facts.champion is None:
        return Promote(facts.waiting, None, "the first version: there is no champion to compare it with")
    return Start(facts.waiting, facts.champion, facts.now + interval(facts.canary, 0))


def _lost(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    """Its gates no longer let the candidate through, or someone moved the champion or the weights by hand: these two compare no more."""
    champion = facts.weights.arm(CHAMPION) if facts.weights else None
    candidate = facts.weights.arm(CANDIDATE) if facts.weights else None
    if facts.withdrawn:
        reason = f"version {running.candidate} no longer passes its gates"
    elif facts.champion != running.champion:
        reason = f"the champion is version {facts.champion} now, and the rollout compared with version {running.champion}"
    elif champion is None or candidate is None or (champion.version, candidate.version) != (running.champion, running.candidate):
        reason = "the weights were changed by another hand"
    else:
        return None
    return RollBack("failed", reason, judgement)


def _harm(facts: Facts, judgement: Judgement) -> Action | None:
    if facts.weights is not None and facts.weights.share == 0.0:
        return RollBack("harmful", "aborted while serving", judgement)
    if judgement.abort is not None:
        return RollBack("harmful", judgement.abort.reason, judgement, judgement.abort)
    return None


def _silence(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    rule = facts.canary.no_data
    heard = max(facts.heard or running.started_at, running.started_at)
    if facts.now - heard <= rule.after:
        return None
    reason = f"no candidate request since {heard.isoformat()}"
    deadline = heard + rule.after + rule.deadline
    if rule.then == "rollback" or facts.now >= deadline:
        return RollBack("no-data", reason, judgement)
    return Hold(judgement, "no-data", reason, min(facts.now + rule.after, deadline))


def _share(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    if not (judgement.wrong_share or running.wrong_share):
        return None
    reason = "requests do not arrive at the shares that were set, so the counts prove nothing"
    rest = sum((step.hold for step in facts.canary.steps[running.step :]), timedelta())
    if facts.now >= running.step_since + rest and facts.canary.when_undecided == "rollback":
        return RollBack("undecided", reason, judgement)
    return Hold(judgement, "wrong-share", reason, facts.now + interval(facts.canary, running.step))


def _promotion(running: Running, judgement: Judgement) -> Action | None:
    if not judgement.all_passed:
        return None
    return Promote(running.candidate, judgement, "every metric has passed")


def _step(facts: Facts, running: Running, judgement: Judgement) -> Action:
    steps, between = facts.canary.steps, interval(facts.canary, running.step)
    over = running.step_since + steps[min(running.step, len(steps) - 1)].hold
    if facts.now < over:
        return Look(judgement, min(over, facts.now + between))
    if running.step + 1 < len(steps):
        return Raise(judgement, running.step + 1, facts.now + interval(facts.canary, running.step + 1))
    reason = "the last step is over without a decision"
    if facts.canary.when_undecided == "rollback":
        return RollBack("undecided", reason, judgement)
    return Hold(judgement, "undecided", reason, facts.now + between)
