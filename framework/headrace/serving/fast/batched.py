"""Rows that wait for a model that answers many at once for little more than one: asked together as soon as the last ones are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from headrace.serving.snapshot import Answered

MOST = 128
"""The most rows that are asked at once."""

_Rows = Sequence[Mapping[str, Any]]


class Batched:
    """A queue without a timer: a row that comes alone is asked alone, at once; those that come meanwhile are asked together next.

    Used by one event loop; the model is asked by one thread of the queue's own.
    """

    def __init__(self, ask: Callable[[_Rows], list[Answered]]) -> None:
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, "rows", initializer=_alone)
        self._waiting: list[tuple[Mapping[str, Any], asyncio.Future[Answered]]] = []
        self._draining: asyncio.Task[None] | None = None

    async def __call__(self, inputs: Mapping[str, Any]) -> Answered:
        """The answer to one row."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answered] = loop.create_future()
        self._waiting.append((inputs, answer))
        if self._draining is None:
            self._draining = loop.create_task(self._drain(loop))
        return await answer

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while self._waiting:
                # Whoever asked may have gone by now: nobody works for them.
                there = [one for one in self._waiting if not one[1].done()]
                taken, self._waiting = there[:MOST], there[MOST:]
                if not taken:
                    continue
                rows, futures = [inputs for inputs, _ in taken], [future for _, future in taken]
                try:
                    answers = await loop.run_in_executor(self._thread, self._ask, rows)
                except Exception as error:  # noqa: BLE001 - each of those that waited for it is told
                    for future in futures:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for future, answer in zip(futures, answers, strict=True):
                    if not future.done():  # whoever asked may have gone
                        future.set_result(answer)
        finally:
            self._draining = None


def _alone() -> None:
    """More threads than one for a handful of rows cost more than they bring."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    threadpool_limits(limits=1)
