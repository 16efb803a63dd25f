"""The words of the section `gates` as values, what one gate says, and the verdict that crosses a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["block", "warn"]
Average = Literal["macro", "weighted"]
"""How a metric of several classes becomes one number: all classes count alike, or each by its rows."""
Test = Literal["bootstrap", "mcnemar", "delong"]
"""How a difference on the same rows is bounded."""
By = str | Sequence[str] | None
"""The input whose groups are meant; of several, their combinations."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that are judged by themselves: those of each value of `by`, or of each combination of several; or those where `where` holds.

    A value of `by` with fewer than `min_rows` rows is named and not judged; too few rows of `where` fail the gate.
    """

    by: By = None
    where: str | None = None
    min_rows: int = 100


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who lets a version through although this gate says no, why, and until which day (`2026-12-31`, UTC, that day included)."""

    by: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Minimum:
    """The metric must be at least `min`; with `each="class"`, for each class against the rest; with `k`, of the first k of each group.

    With `proven`, the lower end of its interval must be, at `confidence`. With `slices`, the metric of each slice, and of no more.
    """

    id: str
    metric: str
    min: float
    by: By = None
    min_group: int = 100
    mode: Mode = "block"
    average: Average | None = None
    each: Literal["class"] | None = None
    k: int | None = None
    proven: bool = False
    confidence: float = 0.95
    slices: Sequence[Slice] = ()
    waive: Waiver | None = None


@dataclass(frozen=True, slots=True)
class Maximum:
    """The metric must be at most `max`; latencies in seconds. `proven` and `slices` are as `Minimum` has them.

    `by` names the input whose groups are compared; groups with fewer than `min_group` held-out rows are named and left out.
    """

    id: str
    metric: str
    max: float
    by: By = None
    min_group: int = 100
    mode: Mode = "block"
    average: Average | None = None
    each: Literal["class"] | None = None
    k: int | None = None
    proven: bool = False
    confidence: float = 0.95
    slices: Sequence[Slice] = ()
    waive: Waiver | None = None


@dataclass(frozen=True, slots=True)
class NoWorse:
    """The metric must be no worse than another model's on the same held-out rows.

    The bad end of a one-sided interval of the difference must stay within `worse_by_at_most`; with `better_by_at_least`, it must be better
    by so much. While there is no champion, `first` says whether the gate passes or the baseline is compared with instead.
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
    better_by_at_least: float | None = None
    test: Test = "bootstrap"
    slices: Sequence[Slice] = ()
    waive: Waiver | None = None

    @property
    def allowed(self) -> float:
        """How much worse it may be; below 0 where it has to be better."""
        return self.worse_by_at_most if self.better_by_at_least is None else -self.better_by_at_least


@dataclass(frozen=True, slots=True)
class ByPlugin:
    """The kind of gate that a plugin registered as `gate` judges, with its parameters."""

    id: str
    gate: str
    params: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "block"
    waive: Waiver | None = None


Bounded = Minimum | Maximum | NoWorse
"""The gates that are about one metric."""
Gate = Bounded | ByPlugin


@dataclass(frozen=True, slots=True)
class Judged:
    """What one gate says, with the numbers that it says it by; `low` and `high` bound the value, each holding alone.

    `evidence` is plain JSON: how the interval was made, of which rows, and what was said of each slice or group. `waived` says who lets
    it through all the same, why and until when; it is told of a gate that failed, and of no other.
    """

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
    evidence: Mapping[str, Any] | None = None
    waived: Mapping[str, Any] | None = None

    @property
    def blocks(self) -> bool:
        """Whether it keeps the version out."""
        return not self.passed and self.mode == "block" and self.waived is None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may go on; `event` under `event_id` announces it, and `payload` says why."""

    passed: bool
    event: str
    event_id: str
    payload: dict[str, Any]
