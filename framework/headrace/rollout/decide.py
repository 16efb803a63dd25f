"""What is to be done about a rollout now, from facts alone.

There are three verdicts. Evidence of harm rolls back, evidence of no harm promotes, and neither is undecided: then the steps go on, and
after the last one `when_undecided` says whether it is rolled back or held. Silence is no verdict: it holds, then rolls back. With a bake,
evidence of no harm gives the candidate all but the holdback, and it is promoted when the bake is over. What a person pauses goes no
further, and only harm or lost ground ends it. A newer candidate waits until the rollout that is running has ended, whatever its end; of
several that wait, the newest goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from headrace.rollout.canary import Canary, Step
from headrace.rollout.judgement import Judgement, judge
from headrace.stats.eprocess import Stratum
from headrace.traffic import CANDIDATE, CHAMPION, Abort, Weights

BY_HAND = "by hand"
"""The verdict on what a person ended, or promoted."""
LOOKS = 4
"""How many looks are due in one step, at least."""


@dataclass(frozen=True, slots=True)
class Running:
    """The rollout that has not ended: `step` counts from 0, `passed` names metrics, `paused` is why a person holds it."""

    candidate: int
    champion: int
    step: int
    started_at: datetime
    step_since: datetime
    passed: tuple[str, ...] = ()
    wrong_share: bool = False
    baking: bool = False
    paused: str | None = None
    resumed_at: datetime | None = None
    released: int = -1
    """The newest step that waited, and that a person let go on."""


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
    failed: Mapping[str, str] = field(default_factory=dict)
    """Of metrics that could not be counted, why."""


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
class StartBake:
    """Give the candidate all but the holdback: it was judged no worse, and goes on being watched."""

    judgement: Judgement
    share: float
    look: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on as it is for a reason that a person should know."""

    judgement: Judgement
    kind: Literal["no-data", "wrong-share", "undecided", "paused"]
    reason: str
    look: datetime


@dataclass(frozen=True, slots=True)
class Promote:
    """Make the candidate the champion; without a judgement it is the model's first, or nothing is declared to judge it by."""

    candidate: int
    judgement: Judgement | None
    reason: str
    verdict: str | None = None
    """What is recorded of it, where that is neither `healthy` nor `unjudged`."""


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


Action = Idle | Start | Look | Raise | StartBake | Hold | Promote | HandOver | RollBack
"""Exactly one is to be done."""


def decide(facts: Facts) -> Action:
    """One look. The order is the order of caution: lost ground, harm, a pause, silence, wrong shares, promotion, the step's end."""
    if facts.running is None:
        return _begin(facts)
    running = facts.running
    since = None if facts.driven else facts.now - running.started_at
    judgement = judge(facts.canary, facts.counts, running.passed, since, facts.failed)
    return (
        _lost(facts, running, judgement)
        or _harm(facts, judgement)
        or _pause(facts, running, judgement)
        or _silence(facts, running, judgement)
        or _share(facts, running, judgement)
        or _promotion(facts, running, judgement)
        or _step(facts, running, judgement)
    )


def handing_over(facts: Facts) -> Action:
    """`decide`, where an experiment is to follow: what would be promoted on evidence, or baked, is handed over to it."""
    action = decide(facts)
    if facts.running is None or facts.running.baking:
        return action
    if isinstance(action, Promote | StartBake) and action.judgement is not None:
        return HandOver(action.judgement, "every metric has passed")
    return action


def interval(canary: Canary, step: int, *, baking: bool = False) -> timedelta:
    """How long it is from one look to the next."""
    if baking and canary.bake is not None:
        return canary.bake.time / LOOKS
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


def _pause(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    """A person paused it, or its step waits for one: then nobody is rolled back for silence either, since somebody minds it."""
    look = facts.now + _between(facts, running)
    if running.paused is not None:
        return Hold(judgement, "paused", running.paused, look)
    step = _standing(facts.canary, running)
    if running.baking or step.then is None or running.released >= running.step:
        return None
    if facts.now < running.step_since + step.hold and not judgement.all_passed:
        return None
    return Hold(judgement, "paused", f"step {running.step + 1} waits until a person lets it go on", look)


def _silence(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    rule = facts.canary.no_data
    heard = max(facts.heard or running.started_at, running.started_at, running.resumed_at or running.started_at)
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
    if facts.now >= running.step_since + _rest(facts.canary, running) and facts.canary.when_undecided == "rollback":
        return RollBack("undecided", reason, judgement)
    return Hold(judgement, "wrong-share", reason, facts.now + _between(facts, running))


def _promotion(facts: Facts, running: Running, judgement: Judgement) -> Action | None:
    bake = facts.canary.bake
    if running.baking or not judgement.all_passed:
        return None
    if bake is not None:
        return StartBake(judgement, bake.weight, facts.now + interval(facts.canary, running.step, baking=True))
    return Promote(running.candidate, judgement, "every metric has passed")


def _step(facts: Facts, running: Running, judgement: Judgement) -> Action:
    steps, between = facts.canary.steps, _between(facts, running)
    over = running.step_since + (_rest(facts.canary, running) if running.baking else _standing(facts.canary, running).hold)
    if facts.now < over:
        return Look(judgement, min(over, facts.now + between))
    if running.baking and judgement.all_passed:
        return Promote(running.candidate, judgement, "every metric has passed, and the bake is over without harm")
    if not running.baking and running.step + 1 < len(steps):
        return Raise(judgement, running.step + 1, facts.now + interval(facts.canary, running.step + 1))
    # In a bake: the section has got a metric since, which nothing was judged by.
    reason = f"the {'bake' if running.baking else 'last step'} is over without a decision" + judgement.failed
    if facts.canary.when_undecided == "rollback":
        return RollBack("undecided", reason, judgement)
    return Hold(judgement, "undecided", reason, facts.now + between)


def _standing(canary: Canary, running: Running) -> Step:
    return canary.steps[min(running.step, len(canary.steps) - 1)]


def _between(facts: Facts, running: Running) -> timedelta:
    return interval(facts.canary, running.step, baking=running.baking)


def _rest(canary: Canary, running: Running) -> timedelta:
    """From the beginning of the step that stands, or of the bake, until all of it is over; a bake that is declared no more is over."""
    if running.baking:
        return timedelta() if canary.bake is None else canary.bake.time
    return sum((step.hold for step in canary.steps[running.step :]), timedelta())
