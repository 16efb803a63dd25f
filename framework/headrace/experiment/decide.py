"""What is to be done about an experiment now, from facts alone.

The order is the order of caution: lost ground, harm, a win that waits for approval, a change of the shares, then the look that is due.
Nothing but a win promotes: neither time that is over, nor shares that did not arrive, nor silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.experiment.analysis import Analysis
from headrace.experiment.declared import CANDIDATE, CHAMPION, Declared
from headrace.traffic import Abort, Slot, Weights

HARMFUL, FAILED, AT_END = "harmful", "failed", "at_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The experiment that has not ended, or whose arms were kept (`kept`); `declared` is the section as it goes by."""

    id: str
    arms: Mapping[str, int]
    declared: Declared
    enrolling: bool
    enrols_until: datetime
    ends_at: datetime
    look: datetime
    """When the next one is due."""
    winner: str | None = None
    """The arm that has won, and waits for approval."""
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision rests on. `room` is the slots that the layer has for it: () without a layer, None where they do not suffice."""

    declared: Declared
    now: datetime
    running: Running | None
    waiting: int | None
    champion: int | None
    aliases: Mapping[str, int]
    weights: Weights | None
    room: tuple[Slot, ...] | None = ()
    abort: Abort | None = None
    """Evidence of harm, as the rollout's judge found it in the counts."""
    withdrawn: bool = False
    """Whether the gates, or who must agree, have turned the candidate down since."""
    analysis: Analysis | None = None
    """What the look that is due found."""


@dataclass(frozen=True, slots=True)
class Idle:
    """No candidate waits, and no experiment runs."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It cannot begin: something is missing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Deal the units from now on: `arms` by alias."""

    arms: Mapping[str, int]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Another coverage, or other shares, from now on: a new epoch."""

    declared: Declared
    slots: tuple[Slot, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """Go on, and look again then; `closes` ends the enrolment."""

    look: datetime
    analysis: Analysis | None
    closes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Make the version of an arm the champion; without an analysis it is the model's first."""

    version: int
    arm: str
    analysis: Analysis | None
    reason: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Decided, and the arms go on answering until a person ends it."""

    verdict: str
    reason: str
    analysis: Analysis


@dataclass(frozen=True, slots=True)
class RollBack:
    """Give everything to the champion; `failed` where the ground was lost."""

    verdict: str
    reason: str
    analysis: Analysis | None = None


Action = Idle | Wait | Begin | Change | Look | Promote | Keep | RollBack
"""Exactly one is to be done."""


def decide(facts: Facts) -> Action:
    """One look."""
    running = facts.running
    if running is None:
        return _begin(facts)
    return _lost(facts, running) or _harm(facts) or _settled(running) or _change(facts, running) or _look(facts, running)


def looks(facts: Facts) -> bool:
    """Whether a look is due, so that an analysis is needed: not where something else comes first."""
    if facts.running is None or facts.now < facts.running.look:
        return False
    return (_lost(facts, facts.running) or _harm(facts) or _settled(facts.running)) is None


def _begin(facts: Facts) -> Action:
    if facts.waiting is None:
        return Idle()
    if facts.champion is None:
        return Promote(facts.waiting, CANDIDATE, None, "the first version: there is no champion to compare it with")
    arms = {CHAMPION: facts.champion, CANDIDATE: facts.waiting}
    for name in facts.declared.arms:
        if name not in arms and name not in facts.aliases:
            return Wait(f"no version is called `{name}`, which is an arm of it")
        arms.setdefault(name, facts.aliases.get(name, 0))
    if facts.room is None:
        return Wait(f"layer `{facts.declared.layer}` has no {facts.declared.coverage:.0%} that no other running experiment covers")
    return Begin(arms, facts.room)


def _lost(facts: Facts, running: Running) -> Action | None:
    """Its gates no longer let the candidate through, or someone moved the champion or the weights: these compare no more."""
    weights = facts.weights
    standing = {} if weights is None else {arm.name: arm.version for arm in weights.arms}
    if facts.withdrawn:
        reason = f"version {running.arms[CANDIDATE]} no longer passes its gates"
    elif facts.champion != running.arms[CHAMPION]:
        reason = f"the champion is version {facts.champion} now, and the experiment compared with version {running.arms[CHAMPION]}"
    elif weights is not None and weights.share == 0.0 and standing.get(CANDIDATE) == running.arms[CANDIDATE]:
        return None  # the server aborted it
    elif standing != dict(running.arms) or weights is None or weights.among is None or weights.among.experiment != running.id:
        reason = "the weights were changed by another hand"
    else:
        return None
    return RollBack(FAILED, reason)


def _harm(facts: Facts) -> Action | None:
    if facts.weights is not None and facts.weights.share == 0.0:
        return RollBack(HARMFUL, "aborted while serving")
    return None if facts.abort is None else RollBack(HARMFUL, facts.abort.reason)


def _settled(running: Running) -> Action | None:
    if running.kept:
        return Idle()
    if running.winner is None:
        return None
    return Promote(running.arms[running.winner], running.winner, None, f"{running.winner} has won")


def _change(facts: Facts, running: Running) -> Action | None:
    wanted = changed(running.declared, facts.declared)
    if wanted == running.declared:
        return None
    if facts.room is None:
        return None  # the slots that it has stay its own; what plans it says that the layer is full
    said = []
    if wanted.coverage != running.declared.coverage:
        said.append(f"coverage {wanted.coverage:.0%}")
    if dict(wanted.arms) != dict(running.declared.arms):
        said.append(", ".join(f"{name} {share:.0%}" for name, share in wanted.arms.items()))
    return Change(wanted, facts.room, "; ".join(said))


def changed(running: Declared, wanted: Declared) -> Declared:
    """What a running experiment goes by from now on: a coverage that rose and shares that changed; every other word stands still."""
    same = set(wanted.arms) == set(running.arms)
    arms = wanted.arms if same and dict(wanted.arms) != dict(running.arms) else running.arms
    return replace(running, coverage=max(running.coverage, wanted.coverage), arms=arms)


def frozen(running: Declared, wanted: Declared) -> list[str]:
    """The words of the section that were changed and may not be while it runs, as they are written; a lowered coverage is one."""
    found = [
        word
        for word, name in _WORDS.items()
        if getattr(running, name) != getattr(wanted, name) and not (name == "coverage" and wanted.coverage > running.coverage)
    ]
    return [*found, "arms"] if set(running.arms) != set(wanted.arms) else found


_WORDS = {
    **{word: word for word in ("unit", "primary", "secondary", "guardrails", "segments", "coverage", "layer", "design", "alpha", "power")},
    "looks": "looks",
    "for": "lasts",
    "decide": "decide",
    "measures": "measures",
}


def _look(facts: Facts, running: Running) -> Action:  # noqa: PLR0911 - one a verdict
    closes = running.enrolling and facts.now >= running.enrols_until
    if facts.analysis is None:
        return Look(running.look, None, closes, "no look is due")
    found, rules = facts.analysis, running.declared.decide
    # Wrong shares make every number wrong, so that none of them decides; time alone does.
    match found.verdict:
        case "win" if found.winner is not None:
            if rules.win == "keep":
                return Keep("win", found.reason, found)
            return Promote(running.arms[found.winner], found.winner, found, found.reason)
        case "lose":
            return RollBack("lose", found.reason, found)
        case "guardrail":
            return Keep("guardrail", found.reason, found) if rules.guardrail == "keep" else RollBack("guardrail", found.reason, found)
        case _:
            pass
    if facts.now < running.ends_at:
        return Look(next_look(running, facts.now), found, closes, found.reason)
    reason = f"its time is over and nothing is decided: {found.reason}"
    return Keep(AT_END, reason, found) if rules.at_end == "keep" else RollBack(AT_END, reason, found)


def next_look(running: Running, now: datetime) -> datetime:
    """After a look: so much later as is declared, and when it ends in any case."""
    return min(now + running.declared.looks, running.ends_at)
