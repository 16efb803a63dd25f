"""What counts as a bad request, and by which bounds an arm is judged for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ERROR_RATE: Literal["error_rate"] = "error_rate"
"""Counts every request; bad is one that the arm failed to answer."""
SLOW_REQUEST: Literal["slow_request"] = "slow_request"
"""Counts every request after the warm-up; bad is one that took longer than the rule's `over`."""

SERVED = frozenset({ERROR_RATE, SLOW_REQUEST})
"""What servers count, and abort by."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One metric that the arms are compared by; `over` in seconds, `ceiling` and `negligible` as shares, `promote_below` a ratio."""

    metric: Literal["error_rate", "slow_request"]
    over: float | None = None
    ceiling: float | None = None
    promote_below: float = 2.0
    negligible: float = 0.005
    count: Literal["requests", "units"] = "requests"
    """What a failure is: of a request, or of a unit, however often."""
