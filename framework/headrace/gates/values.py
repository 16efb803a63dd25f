"""The words of the section `gates` as values, what one gate says, and the verdict that crosses a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["block", "warn"]
Average = Literal["macro", "weighted"]
"""How a metric of several classes becomes one number: all classes count alike, or each by its rows."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """The metric must be at least `min`; with `each="class"`, for each class against the rest; with `k`, of the first k of each group."""

    id: str
    metric: str
    min: float
    by: str | None = None
    min_group: int = 100
    mode: Mode = "block"
    average: Average | None = None
    each: Literal["class"] | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Maximum:
    """The metric must be at most `max`; latencies in seconds.

    `by` names the input whose groups are compared; groups with fewer than `min_group` held-out rows are named and left out.
    """

    id: str
    metric: str
    max: float
    by: str | None = None
    min_group: int = 100
    mode: Mode = "block"
    average: Average | None = None
    each: Literal["class"] | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class NoWorse:
    """The metric must be no worse than another model's on the same held-out rows.

    The bad end of a one-sided bootstrap interval of the difference must stay within `worse_by_at_most`. While there is no champion,
    `first` says whether the gate passes or the baseline is compared with instead.
    """

    id: str
    metric: str
    versus: Literal["champion", "baseline"]
    worse_by_at_most: float = 0.0
    confidence: float = 0.95
    first: Literal["pass", "baseline"] | None = None
    mode: Mode = "block"
    average: Average | None = None
    each: Literal["class"] | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class ByPlugin:
    """The kind of gate that a plugin registered as `gate` judges, with its parameters."""

    id: str
    gate: str
    params: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "block"


Gate = Minimum | Maximum | NoWorse | ByPlugin


@dataclass(frozen=True, slots=True)
class Judged:
    """What one gate says, with the numbers that it says it by; `low` and `high` bound a difference, each holding alone."""

    gate: str
    metric: str
    passed: bool
    mode: Mode
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    """How the value came about, as JSON; empty where there is no more to say than the numbers above."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may go on; `event` under `event_id` announces it, and `payload` says why."""

    passed: bool
    event: str
    event_id: str
    payload: dict[str, Any]
