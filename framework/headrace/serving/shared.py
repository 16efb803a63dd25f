"""How one of several workers takes connections from the socket that all of them listen on: who has the fewest goes first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

STEP, LONGEST = 0.0002, 0.002
"""Seconds by which a worker lets the others go first, for each connection that it has, and at most."""
BATCH = 8
"""How many connections it takes before it looks again."""


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
        if not there:
            self._accept()
            return
        self._loop.remove_reader(self._listening)
        self._waiting = self._loop.call_later(min(there * STEP, LONGEST), self._again)

    def _again(self) -> None:
        self._waiting = None
        self._accept()
        self._loop.add_reader(self._listening, self._woken)

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            for _ in range(BATCH):
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                self._take(connection)
