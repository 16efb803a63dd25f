"""What time it is: the wall's, or what a driven clock's row says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import Session

from headrace.store.kinds import ClockMode
from headrace.store.tables import Clock


class Reading(NamedTuple):
    """One look at the clock; `holder` is None where time is the wall's."""

    now: datetime
    holder: str | None


def wall() -> datetime:
    """The wall's time, in UTC: the only place where it is read."""
    return datetime.now(UTC)


def wall_microseconds() -> int:
    """The same in whole microseconds since 1970, for what is asked many thousand times a second."""
    return time.time_ns() // 1000


def reading(session: Session) -> Reading:
    """What time it is within this session: driven while a lease lives, else the wall's."""
    row = session.get(Clock, 1, populate_existing=True)
    at = wall()
    if row is None or row.mode is not ClockMode.DRIVEN or row.now is None or row.lease_until is None or row.lease_until <= at:
        return Reading(at, None)
    return Reading(row.now, row.holder)
