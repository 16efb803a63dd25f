"""One connection to a view's events: one user at a time, none of whom waits longer than is allowed, cut and left where it hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from headrace.features import online
from headrace.serving.breaker import Breaker

T = TypeVar("T")

Open = Callable[[], online.Events | None]


class OpenCircuit(Exception):  # noqa: N818 - a state, not a fault
    """It is not asked, since it failed."""


class Line:
    """Opened when it is first used, kept, and opened again after it was dropped. At most one connection is in use at any time."""

    def __init__(self, open: Open, circuit: Breaker, patience: float) -> None:  # noqa: A002 - what it does
        self._open = open
        self._circuit = circuit
        self._patience = patience
        self._events: online.Events | None = None
        self._turn = 0
        self._lock = asyncio.Lock()
        self._changing = threading.Lock()

    async def use(self, work: Callable[[online.Events | None], T], *, aside: bool, probe: bool = False) -> T:
        """What the work says of the events (None where there are none yet); in a thread where `aside`, else here and now.

        OpenCircuit where the circuit is not closed and this is no probe, TimeoutError where it hangs; what the work raises besides.
        """
        async with self._lock:
            if not (probe or self._circuit.closed):
                raise OpenCircuit(self._circuit.reason)
            turn = self._turn
            if not aside:
                return work(self._opened(turn))
            try:
                return await asyncio.wait_for(asyncio.to_thread(self._run, work, turn), self._patience)
            except TimeoutError:
                with self._changing:
                    self._turn += 1
                    events, self._events = self._events, None
                if events is not None:
                    events.cut()
                raise

    def drop(self) -> None:
        """Let the connection go: the next user opens another."""
        events, self._events = self._events, None
        if events is not None:
            events.close()

    async def close(self) -> None:
        """Give the connection back."""
        await asyncio.to_thread(self.drop)

    def _run(self, work: Callable[[online.Events | None], T], turn: int) -> T:
        events = self._opened(turn)
        try:
            return work(events)
        finally:
            if turn != self._turn and events is not None:
                events.close()

    def _opened(self, turn: int) -> online.Events | None:
        if self._events is not None:
            return self._events
        found = self._open()
        with self._changing:
            if turn == self._turn:
                self._events = found
                return found
        # Whoever asked for it has gone, and another may have been opened meanwhile.
        if found is not None:
            found.close()
        raise TimeoutError
