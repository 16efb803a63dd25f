"""How one of several workers takes connections from the socket that all of them listen on: who has the fewest goes first."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

LOG = logging.getLogger("headrace.serving")

STEP, LONGEST = 0.0002, 0.002
"""Seconds by which a worker lets the others go first, for each connection that it has, and at most."""
BATCH = 8
"""How many connections it takes before it looks again."""
EXHAUSTED = 1.0
"""Seconds for which it looks no more once the system has nothing left for a connection."""


class Accepting:
    """Takes connections from a socket that other processes listen on too.

    The kernel wakes all that wait, and the first to come takes what it can: clients that keep their connections would stay where they
    happened to land. So each waits the longer the more it has, and a worker without any takes at once. A socket each (SO_REUSEPORT)
    would spread by a hash, and what stands in the queue of one that ends would be reset: here it is another's.
    """

    def __init__(self, listening: socket.socket, take: Callable[[socket.socket], None], there: Callable[[], int]) -> None:
        self._listening = listening
        self._take = take
        self._there = there
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._loop.add_reader(listening, self._woken)

    def close(self) -> None:
        """Take no more."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._loop.remove_reader(self._listening)

    def _woken(self) -> None:
        there = self._there()
        pause = min(there * STEP, LONGEST) if there else self._accept()
        if pause:
            self._loop.remove_reader(self._listening)
            self._waiting = self._loop.call_later(pause, self._again)

    def _again(self) -> None:
        self._waiting = None
        if pause := self._accept():
            self._waiting = self._loop.call_later(pause, self._again)
        else:
            self._loop.add_reader(self._listening, self._woken)

    def _accept(self) -> float:
        """Take what there is, a batch at most; the seconds to wait before the next look."""
        try:
            for _ in range(BATCH):
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                self._take(connection)
        except (BlockingIOError, ConnectionAbortedError):
            return 0.0
        except OSError as error:  # no file or no memory is left for it: it waits in the queue, where another may take it
            LOG.warning("no connection can be taken: %s", error)
            return EXHAUSTED
        return 0.0
