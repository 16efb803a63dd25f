"""How many requests are worked on at once, and how many bytes of bodies are held that are not whole yet: no queue grows without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headrace.compiled import LimitsConfig
from headrace.serving.problem import Refused

UNBOUNDED = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics"})
"""Paths that are answered however much there is to do: who watches a server must see that it has too much."""
AGAIN = "1"
"""Seconds after which one who was refused may try again."""


class Load:
    """What one process has in hand; used by its event loop alone.

    A request holds a place from its head to its answer, and gives it back for as long as its body is still to come: slow clients
    hold bytes, and these have a bound of their own.
    """

    def __init__(self, limits: LimitsConfig) -> None:
        self.limits = limits
        self._most_held = limits.concurrency * limits.body
        self.working = 0
        """Requests that are worked on."""
        self.held = 0
        """Bytes of bodies that are not whole yet."""
        self.told = 0
        """Single rows that were answered; any thread may read it."""

    def take(self) -> None:
        """Take a place; Refused (503) where there is none."""
        if self.working >= self.limits.concurrency:
            raise self._full()
        self.working += 1

    def give(self) -> None:
        """Give a place back."""
        self.working -= 1

    def again(self) -> None:
        """Take the place again that was given back for a while; there may be one too many by then, which `check` tells."""
        self.working += 1

    def check(self) -> None:
        """Refused (503) where more are working than may."""
        if self.working > self.limits.concurrency:
            raise self._full()

    def hold(self, size: int) -> None:
        """Hold bytes of a body that is not whole yet; Refused (503) where there are too many."""
        if self.held + size > self._most_held:
            raise overloaded(f"{self.held} bytes of requests are still coming in")
        self.held += size

    def drop(self, size: int) -> None:
        """Hold them no more."""
        self.held -= size

    @asynccontextmanager
    async def within(self) -> AsyncIterator[None]:
        """Refused (503) where what is done within takes longer than an answer may."""
        try:
            async with asyncio.timeout(self.limits.answer):
                yield
        except TimeoutError:
            message = f"no answer within {self.limits.answer:g} s: raise `serving.limits.answer`, or send fewer rows at once"
            raise Refused(503, "too-long", message, headers={"retry-after": AGAIN}) from None

    def _full(self) -> Refused:
        return overloaded(f"{self.limits.concurrency} requests are being answered")


def overloaded(why: str) -> Refused:
    """A 503 that says when to try again."""
    return Refused(503, "overloaded", f"the server has more to do than it takes at once: {why}", headers={"retry-after": AGAIN})
