"""What a look at an experiment sees: sums over units by metric, arm, epoch and segment, which merge exactly in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from headrace.stats.anytime_quantile import Histogram
from headrace.stats.cuped import Covaried
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion

Seen = Proportion | Moments | Covaried | JointMoments | Histogram
"""Units that did something; one value a unit; that with a covariate; two sums a unit, of a ratio; one value a unit, of a quantile."""
Better = Literal["higher", "lower"]
KEPT = "kept their arm"
"""The segment of those units that no change of the shares moved to another arm: what they show should not differ from the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Which way a metric is better; `quantile` is the one that a histogram is asked for; `stale` is why nothing of it comes any more."""

    better: Better
    quantile: float | None = None
    stale: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One metric of the units of one arm that were first seen in one epoch; of those of one segment, where it is named."""

    metric: str
    arm: str
    epoch: int
    seen: Seen
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that an analysis goes by.

    `arrived` are the units by epoch and arm, those too that are too young for any metric, and `shares` what each arm was to get of them.
    `looks` is the information that had come at each look that was taken before. At the `final` look all that is left of alpha is spent.
    """

    metrics: Mapping[str, Metric]
    cells: tuple[Cell, ...]
    arrived: Mapping[int, Mapping[str, int]]
    shares: Mapping[int, Mapping[str, float]]
    switched: Mapping[str, int] = field(default_factory=dict)
    looks: tuple[float, ...] = ()
    final: bool = False
    newest: datetime | None = None
    """When a unit was last seen for the first time."""


def units(seen: Seen) -> int:
    """How many units stand behind sums."""
    return seen.outcome.n if isinstance(seen, Covaried) else seen.n


def merged(one: Seen | None, other: Seen) -> Seen:
    """Both together; TypeError where they are of two kinds."""
    match one, other:
        case None, _:
            return other
        case (Proportion(), Proportion()) | (Moments(), Moments()) | (Covaried(), Covaried()):
            return one + other  # type: ignore[operator]
        case (JointMoments(), JointMoments()) | (Histogram(), Histogram()):
            return one + other  # type: ignore[operator]
        case _:
            raise TypeError(f"{type(one).__name__} and {type(other).__name__} of one metric do not add up")
