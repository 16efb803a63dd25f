"""What one look at an experiment found: each metric of each arm beside the champion's, and what all of it says together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["primary", "secondary", "guardrail"]
Finding = Literal["better", "worse", "within", "undecided", "warming_up", "no_data"]
"""`within`: a guardrail whose margin is kept; `better` and `worse` are of the metric's meaning, whichever way its number goes."""
Verdict = Literal["win", "lose", "guardrail", "undecided", "warming_up", "no_data", "invalid"]
"""`invalid`: units do not arrive at the shares that were set; nothing is decided by such numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric of one arm against the champion's: the difference in the metric's unit (arm minus champion), with its interval.

    `p` is None where the design has none (and where nothing could be computed); `adjusted` is after the correction for multiplicity.
    """

    metric: str
    role: Role
    arm: str
    segment: str | None = None
    n_champion: int = 0
    n_arm: int = 0
    champion: float | None = None
    value: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted: float | None = None
    finding: Finding
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All of one look; `winner` is the arm that has won, where one has."""

    at: datetime
    verdict: Verdict
    winner: str | None = None
    reason: str
    information: float
    """The share of the planned information that has come in, in [0, 1]; overrunning is 1."""
    units: dict[str, int]
    """Units by arm."""
    sample_ratio: float
    """The natural logarithm of the evidence that units do not arrive at their shares."""
    comparisons: Sequence[Comparison] = ()
