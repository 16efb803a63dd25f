"""`cards` of `flows/headrace.json`: what the spec says of a model that its card carries."""

from __future__ import annotations

from typing import Literal

from headrace.compiled.config import Config


class AlertOwnersConfig(Config):
    """One alert as a card tells it: its condition, and the channels that hear it."""

    id: str
    when: str
    severity: str
    notify: tuple[str, ...]


class CardConfig(Config):
    """Of one model: the file that people write in, the risk, parts that are needed beside those of the risk, and facts of the spec."""

    file: str | None
    risk: Literal["low", "medium", "high"] | None
    sections: tuple[str, ...]
    owner: str
    description: str
    sensitive: tuple[str, ...]
    drift: tuple[str, ...]
    performance: str | None
    alerts: tuple[AlertOwnersConfig, ...]
    retraining: tuple[str, ...]
    rollout: str | None
    fallback: str | None
