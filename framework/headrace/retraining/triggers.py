"""The triggers of a retraining, and the decision that a flow hands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class OnAlert:
    """Retrain while an alert of this model fires; asked again at each monitoring run."""

    id: str
    alert: str
    cooldown: timedelta
    new_labels: int = 0


@dataclass(frozen=True, slots=True)
class OnSchedule:
    """Retrain at the ticks of a cron line, in UTC."""

    id: str
    cron: str
    cooldown: timedelta
    new_labels: int = 0


Trigger = OnAlert | OnSchedule
"""What may ask for a retraining."""


@dataclass(frozen=True)
class Decision:
    """Whether a training starts now. Only one that passed is announced: `event` starts the flow `train`.

    `event_id` is empty where nothing was written to the log: no trigger asked, or the same refusal stands there already.
    """

    passed: bool
    event: str
    event_id: str
    payload: dict[str, object] = field(default_factory=dict)
