"""What time it is: the wall's, or what a driven clock's row says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import Session

from headrace.store.direct import Statement, read
from headrace.store.kinds import ClockMode


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
    row = _CLOCK.run(session.connection()).fetchone()
    at = wall()
    if row is None:
        return Reading(at, None)
    mode, now, holder, lease_until = row[0], read(row[1]), row[2], read(row[3])
    if mode != ClockMode.DRIVEN or now is None or lease_until is None or lease_until <= at:
        return Reading(at, None)
    return Reading(now, holder)


_CLOCK = Statement("SELECT mode, now, holder, lease_until FROM clock WHERE id = 1")
"""By its columns: each write reads it, and need make no object of it."""
