"""One thread beside the event loop for what many rows take in Python: single rows are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from headrace.serving.overload import Load

LARGE = 128 * 1024
"""Bytes of a body from which on a thread is worth its while: what fewer cost, the event loop waits for."""
T = TypeVar("T")


class Apart:
    """Work of large requests, one after the other: more threads would only wait for each other, and the event loop for them all."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._thread = ThreadPoolExecutor(1, "many-rows")

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work gives; Refused (503) where that takes longer than an answer may."""
        async with self._load.within():
            return await self.however_long(work)

    async def however_long(self, work: Callable[[], T]) -> T:
        """What the work gives: for an answer that is journalled, and is to be told."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
