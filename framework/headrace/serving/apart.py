"""One thread beside the event loop for what many rows take in Python: single rows are answered meanwhile, and first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import TypeVar

from headrace.serving.overload import Load

LARGE = 128 * 1024
"""Bytes of a body from which on a thread is worth its while: what fewer cost, the event loop waits for."""
PAUSE = 0.02
"""Seconds that large work pauses at most at once."""
T = TypeVar("T")


class Apart:
    """Work of large requests, one after the other: more threads would only wait for each other, and the event loop for them all.

    While others are being answered, it takes half of the time: at each `breathe` it pauses for as long as it worked.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._thread = ThreadPoolExecutor(1, "many-rows", self._enter)
        self._ident = 0
        self._since, self._seen = 0.0, 0

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work gives; Refused (503) where that takes longer than an answer may."""
        async with self._load.within():
            return await self.however_long(work)

    async def however_long(self, work: Callable[[], T]) -> T:
        """What the work gives: for an answer that is journalled, and is to be told."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._begun, work)

    def breathe(self) -> bool:
        """Between two pieces of work: let others go first, if any were answered since the last time; whether there were.

        Within the event loop it does nothing, for who works there is waited for.
        """
        if get_ident() != self._ident:
            return False
        told = self._load.told
        asked, self._seen = told != self._seen, told
        if asked:
            time.sleep(min(time.perf_counter() - self._since, PAUSE))
        self._since = time.perf_counter()
        return asked

    def _enter(self) -> None:
        self._ident = get_ident()

    def _begun(self, work: Callable[[], T]) -> T:
        self._since = time.perf_counter()
        return work()
