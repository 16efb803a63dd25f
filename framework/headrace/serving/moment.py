"""When a request happened: the wall's time, a driven clock's, or what a request says under one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from headrace.diagnostics import HeadraceError
from headrace.serving.breaker import Breaker
from headrace.serving.problem import Refused
from headrace.serving.schema import parse_time
from headrace.serving.within import within
from headrace.store import Store, clock
from headrace.store.now import reading

HEADER = "Headrace-Time"
FRESH = 1.0
"""For how many seconds what was read of the clock is believed."""
PATIENCE = 1.0
"""Seconds that a request waits for the store to tell the time."""


@dataclass(frozen=True, slots=True)
class _Reading:
    driven: datetime | None
    read: float


class Moments:
    """The clock, as it was last read; read by the thread that follows the store, and again where a request depends on it."""

    def __init__(self, store: Store, circuit: Breaker, *, production: bool) -> None:
        self._store = store
        self._circuit = circuit
        self._production = production
        self._last = _Reading(None, -FRESH)

    def read(self) -> None:
        """Ask the store whether the clock is driven, and what it says."""
        with self._store.read() as session:
            seen = reading(session)
        self._last = _Reading(None if seen.holder is None else seen.now, time.monotonic())

    def still(self) -> bool:
        """Whether time goes on as it was read, of a store that has not changed since: a driven clock's lease may end without a change."""
        if self._last.driven is not None:
            return False
        self._last = _Reading(None, time.monotonic())
        return True

    @property
    def driven(self) -> datetime | None:
        """The driven clock's time as last read; None where it is the wall's."""
        return self._last.driven

    @property
    def now(self) -> datetime:
        """The driven clock's time as last read, or the wall's."""
        return self._last.driven or clock.wall()

    async def of(self, header: str | None) -> datetime:
        """When a request with this header happened; Refused (400) where it may not say so itself."""
        if header is None:
            return self.now
        if self._production:
            raise Refused(400, "time-refused", f"`{HEADER}` is refused in a production environment")
        try:
            moment = parse_time(header)
        except ValueError:
            raise Refused(400, "time-invalid", f"`{HEADER}` is no ISO 8601 time with a zone, such as 2016-03-01T12:00:00Z") from None
        if self._last.driven is None or time.monotonic() - self._last.read > FRESH:
            # The driver may have begun since the last look.
            await self._ask()
        if self._last.driven is None:
            raise Refused(400, "time-refused", f"`{HEADER}` is taken only while the clock is driven, and it runs with the wall")
        return moment

    async def _ask(self) -> None:
        unknown = Refused(503, "clock-unknown", "the store does not say what time it is")
        if not self._circuit.closed:
            raise unknown
        try:
            await within(self.read, PATIENCE)
        except TimeoutError as error:
            self._circuit.failed(f"no answer within {PATIENCE:g} s", hung=True)
            raise unknown from error
        except (HeadraceError, SQLAlchemyError) as error:
            raise unknown from error
