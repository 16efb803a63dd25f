"""Whether a model is to be trained anew: from what is known to a request, or to the reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from headrace.retraining.triggers import OnAlert, OnSchedule, Trigger
from headrace.spec import cron


class Reason(StrEnum):
    """Why a trigger that asked was declined."""

    ALREADY_REQUESTED = "already_requested"
    TRAINING = "training"
    CANDIDATE = "candidate"
    COOLDOWN = "cooldown"
    NEW_LABELS = "new_labels"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when the triggers are asked. All times are the clock's."""

    now: datetime
    firing: Mapping[str, datetime]
    """The alerts that fire, and since when."""
    looked: datetime | None
    """When the triggers were asked last."""
    trained: datetime | None
    """When the last training started."""
    new_labels: int
    """Labels known now that the champion's training could not know."""
    requested: bool = False
    """A retraining was asked for, and no run has answered yet."""
    training: bool = False
    candidate: bool = False
    """A candidate waits for its rollout, or is in it."""
    waiting: frozenset[str] = frozenset()
    """Schedules whose last tick met a candidate, with no training since: the tick waits, and is not lost."""


@dataclass(frozen=True, slots=True)
class Request:
    """Train now."""

    trigger: Trigger
    reason: str


@dataclass(frozen=True, slots=True)
class Decline:
    """A trigger asked, and does not get its training now."""

    trigger: Trigger
    reason: Reason
    text: str


def decide(facts: Facts, triggers: Sequence[Trigger]) -> Request | tuple[Decline, ...]:
    """The first trigger that may train, or why each of those that asked may not; empty when none asked."""
    declined: list[Decline] = []
    for trigger in triggers:
        asked = _asked(facts, trigger)
        if asked is None:
            continue
        refusal = _refusal(facts, trigger)
        if refusal is None:
            return Request(trigger, asked)
        declined.append(refusal)
    return tuple(declined)


def _asked(facts: Facts, trigger: Trigger) -> str | None:
    match trigger:
        case OnAlert(alert=alert):
            since = facts.firing.get(alert)
            return f"alert.{alert} fires since {since:%Y-%m-%d %H:%M} UTC" if since is not None else None
        case OnSchedule(cron=line):
            ticked = facts.looked is not None and cron.parse(line).ticked(facts.looked, facts.now)
            return f"schedule `{line}`" if ticked or trigger.id in facts.waiting else None
        case _:
            assert_never(trigger)


def _refusal(facts: Facts, trigger: Trigger) -> Decline | None:
    if facts.requested:
        return Decline(trigger, Reason.ALREADY_REQUESTED, "a retraining was requested and has not started yet")
    if facts.training:
        return Decline(trigger, Reason.TRAINING, "a training is running")
    if facts.candidate:
        return Decline(trigger, Reason.CANDIDATE, "a candidate is being decided on")
    if facts.trained is not None and facts.now < facts.trained + trigger.cooldown:
        until = facts.trained + trigger.cooldown
        return Decline(
            trigger, Reason.COOLDOWN, f"the last training started {facts.trained:%Y-%m-%d}; the cooldown ends {until:%Y-%m-%d %H:%M} UTC"
        )
    if facts.new_labels < trigger.new_labels:
        return Decline(trigger, Reason.NEW_LABELS, f"{facts.new_labels} new labels are known, and {trigger.new_labels} are needed")
    return None
