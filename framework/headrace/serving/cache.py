"""Predictions kept for a while: by version and exact inputs, so that no swap makes one stale; equal rows are computed once."""

from __future__ import annotations

import asyncio
import marshal
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.compiled import CacheConfig
from headrace.serving.routed import Routed
from headrace.serving.snapshot import Answered, Served

Inputs = dict[str, Any]

_EXACT = 2
"""Marshal's version without references: equal values of equal types, and those alone, are equal bytes (0.0 is not -0.0, nor 1 true)."""


async def ask(served: Served, inputs: Inputs) -> Answered:
    """One version's answer to one row: in the event loop, or with others that wait for it."""
    return served.answer(inputs) if served.queue is None else await served.queue(inputs)


async def ask_many(served: Served, rows: Sequence[Inputs]) -> list[Answered]:
    """One version's answers to rows, in a worker thread."""
    return await asyncio.to_thread(served.answer_many, rows)


class Cache:
    """What versions answered, at most so many, none older than that; used by the event loop alone. Errors are not kept.

    A row that others wait for already is waited for, too: whoever asked first may go, and the answer comes all the same.
    """

    def __init__(self, config: CacheConfig, routed: Routed, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = config.predictions
        self._seconds = config.seconds
        self._routed = routed
        self._clock = clock
        self._kept: OrderedDict[object, tuple[float, Answered]] = OrderedDict()
        self._coming: dict[object, asyncio.Future[Answered]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    async def one(self, served: Served, inputs: Inputs) -> Answered:
        """One version's answer to one row."""
        (answered,) = await self.many(served, [inputs])
        return answered

    async def many(self, served: Served, rows: Sequence[Inputs]) -> list[Answered]:
        """One version's answers to rows, each distinct row asked at most once."""
        keys = [_key(served, inputs) for inputs in rows]
        known: dict[object, Answered] = {}
        missing: dict[object, Inputs] = {}
        for key, inputs in zip(keys, rows, strict=True):
            if key in known or key in missing:
                continue
            answered = self._get(key)
            if answered is not None:
                known[key] = answered
            elif key not in self._coming:
                missing[key] = inputs
        self._routed.looked(len(rows) - len(missing), len(missing))
        if missing:
            self._begin(served, missing)
        for key, coming in [(key, self._coming[key]) for key in dict.fromkeys(keys) if key not in known]:
            known[key] = await asyncio.shield(coming)
        return [known[key] for key in keys]

    def _get(self, key: object) -> Answered | None:
        found = self._kept.get(key)
        if found is None:
            return None
        if self._clock() >= found[0]:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[1]

    def _begin(self, served: Served, missing: Mapping[object, Inputs]) -> None:
        loop = asyncio.get_running_loop()
        self._coming.update({key: loop.create_future() for key in missing})
        task = loop.create_task(self._ask(served, missing))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, served: Served, missing: Mapping[object, Inputs]) -> None:
        coming = {key: self._coming[key] for key in missing}
        try:
            rows = list(missing.values())
            # What is worth keeping is slow: in a thread, or in the version's own queue, it holds up nobody else.
            single = len(rows) == 1 and (served.queue is not None or served.fast is not None)
            answers = [await ask(served, rows[0])] if single else await ask_many(served, rows)
            until = self._clock() + self._seconds
            for (key, future), answered in zip(coming.items(), answers, strict=True):
                if answered.error is None and isinstance(key, tuple):
                    self._kept[key] = (until, answered)
                future.set_result(answered)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        except BaseException as error:
            for future in coming.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # told to whoever waits; nobody need be there
            raise
        finally:
            for key in missing:
                del self._coming[key]


def _key(served: Served, inputs: Inputs) -> object:
    try:
        return (served.digest, marshal.dumps(inputs, _EXACT))
    except ValueError:
        return object()  # nothing that can be told apart by its bytes: asked each time
