"""Whether a recorded verdict lets its version be used: it says yes, or somebody waived it and the waiver has not ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from headrace.store.tables import Verdict


def stands(row: Verdict, at: datetime) -> bool:
    """Whether what a gate said lets its version be used at a moment: it passed, or only warns, or is waived, and that has not ended."""
    return row.passed or row.mode != "block" or (row.waived is not None and holds(row.waived, at))


def holds(waived: Mapping[str, Any], at: datetime) -> bool:
    """Whether a recorded waiver still holds."""
    return at.date() <= date.fromisoformat(str(waived["until"]))
