"""Time as a value: the wall's, or driven by one holder at a time, who has a lease on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import tables
from headrace.store.kinds import ClockMode
from headrace.store.now import reading, wall
from headrace.store.sessions import Sessions

__all__ = ["Clock", "advance", "drive", "release", "wall"]

LEASE = timedelta(minutes=10)


class Clock:
    """What time it is to everything of one store; every look reads the store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def now(self) -> datetime:
        """The driven time while a lease lives, else the wall's; in UTC."""
        with self._sessions.read() as session:
            return reading(session).now

    @property
    def driven(self) -> bool:
        """Whether someone moves the time."""
        return self.holder is not None

    @property
    def holder(self) -> str | None:
        """Who moves the time; None where it is the wall's."""
        with self._sessions.read() as session:
            return reading(session).holder


def drive(store: Sessions, holder: str, now: datetime, lease: timedelta = LEASE) -> None:
    """Take the clock and set it. The lease is wall time; `advance` renews it.

    Raises HeadraceError: clock-driven (Exit.LOCKED) while another holder's lease lives, clock-backwards where this holder's own would
    go back.
    """
    with store.transaction(holder, "drive", "clock") as session:
        seen = reading(session)
        if seen.holder is not None and seen.holder != holder:
            raise _driven(seen.holder)
        if seen.holder is not None and now < seen.now:
            raise _backwards(seen.now, now)
        session.merge(tables.Clock(id=1, mode=ClockMode.DRIVEN, now=now, holder=holder, lease_until=wall() + lease))


def advance(store: Sessions, holder: str, now: datetime, lease: timedelta = LEASE) -> None:
    """Move the clock on, and renew the lease; to the time that it shows already is allowed.

    A lease that lapsed with nobody else taking the clock is renewed. Raises HeadraceError: clock-driven (Exit.LOCKED) where the holder lost
    the clock, clock-backwards.
    """
    with store.transaction(holder, "advance", "clock", often=True) as session:
        row = session.get(tables.Clock, 1)
        if row is None or row.mode is not ClockMode.DRIVEN or row.now is None or row.holder != holder:
            raise _driven("the wall" if row is None or row.holder is None else row.holder)
        if now < row.now:
            raise _backwards(row.now, now)
        row.now, row.lease_until = now, wall() + lease


def release(store: Sessions, holder: str) -> None:
    """Give the clock back to the wall; nothing happens where another holds it."""
    with store.transaction(holder, "release", "clock") as session:
        row = session.get(tables.Clock, 1)
        if row is not None and row.holder == holder:
            row.mode, row.holder, row.lease_until = ClockMode.WALL, None, None


def _driven(holder: str) -> HeadraceError:
    message = f"the clock of this environment is held by {holder}"
    return HeadraceError(
        Diagnostic("clock-driven", message, help="wait until it ends; its lease lapses 10 minutes after it died"), Exit.LOCKED
    )


def _backwards(shown: datetime, wanted: datetime) -> HeadraceError:
    message = f"the clock shows {shown.isoformat()} and cannot go back to {wanted.isoformat()}"
    return HeadraceError(
        Diagnostic("clock-backwards", message, help="start from a moment that is not before it, or with an empty store"), Exit.REFUSED
    )
