"""What is watched, as the flow says it, and what passes between its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether inputs and answers still look as they did on the training rows; a detector's effects from which it matters."""

    features: Literal["all"] | list[str] = "all"
    method: str = "psi"
    warning: float = 0.10
    critical: float = 0.25


@dataclass(frozen=True, slots=True)
class Performance:
    """A registered metric, measured once the answers are known, and estimated before."""

    metric: str
    estimate: Literal["cbpe", "none"] = "none"
    min_labels: int = 200
    average: Literal["macro", "weighted"] | None = None
    """How a metric of several classes becomes one number; None is `macro`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule: fires when `when` holds for so many windows in a row, and tells these channels."""

    id: str
    when: str
    windows: int = 1
    severity: Literal["info", "warning", "critical"] = "warning"
    notify: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Windows:
    """What one look at a model's windows did: the numbers of those it closed, and of those whose answers became known."""

    model: str
    run_id: str
    closed: list[int]
    labelled: list[int]
    summary: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Alerts:
    """What the rules say after a look: which alerts fire now, and which have just begun or ended to."""

    model: str
    run_id: str
    firing: list[str]
    fired: list[str]
    resolved: list[str]
