"""When a part that a request would wait for is not asked: a circuit that opens where it fails, and closes where a probe succeeds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LOG = logging.getLogger("headrace.serving")


class State(StrEnum):
    """What a circuit lets through: all, nothing, or one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Pauses:
    """After how many failures in a row a circuit opens, and for how many seconds: twice as long each time a probe fails, up to a bound."""

    failures: int
    first: float
    longest: float


class Breaker:
    """The circuit of one dependency. Threads may share it; reading `closed` takes no lock.

    Whoever was let through by `allows` says how it went, by `succeeded` or `failed`.
    """

    def __init__(self, name: str, pauses: Pauses, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.closed = True
        self.reason = ""
        """What failed, as it was told last; stands while the circuit is not closed."""
        self.opened = 0
        """How often it has opened."""
        self._pauses = pauses
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = pauses.first
        self._until = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        """What it lets through now."""
        if self.closed:
            return State.CLOSED
        return State.HALF_OPEN if self._probing or self._clock() >= self._until else State.OPEN

    def allows(self) -> bool:
        """Whether the dependency may be asked; once a pause is over one caller may, as a probe, until it says how it went."""
        if self.closed:
            return True
        with self._lock:
            if self._probing or self._clock() < self._until:
                return self.state is State.CLOSED  # by now, perhaps
            self._probing = True
            return True

    def succeeded(self) -> None:
        """It answered."""
        if self.closed and not self._failures:
            return
        with self._lock:
            if not self.closed:
                LOG.info("the circuit of %s is closed again", self.name)
            self.closed, self.reason = True, ""
            self._failures, self._probing, self._pause = 0, False, self._pauses.first

    def failed(self, reason: str, *, hung: bool = False) -> bool:
        """It failed; whether that opened the circuit. One that did not answer in its time (`hung`) opens it at once."""
        with self._lock:
            self._failures += 1
            if self.closed:
                if self._failures < self._pauses.failures and not hung:
                    return False
                LOG.warning("the circuit of %s is open: %s", self.name, reason)
                self.opened += 1
            elif self._probing:
                self._pause = min(self._pause * 2, self._pauses.longest)
            else:
                # One of those that were let through before it opened: that is known already.
                return False
            self.closed, self.reason = False, reason
            self._probing, self._until = False, self._clock() + self._pause
            return True

    def told(self) -> dict[str, str]:
        """As /metadata tells it."""
        state = self.state
        return {"state": state.value} | ({"reason": self.reason} if state is not State.CLOSED else {})
