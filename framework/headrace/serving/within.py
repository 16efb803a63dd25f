"""Waiting for something that may hang: in a thread of its own, and no longer than is allowed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def within(work: Callable[[], T], seconds: float) -> T:
    """Run it in a thread of its own; TimeoutError after so many seconds, by which the thread is left behind and holds up nobody."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # nobody waiting any more must not make the thread fail

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wait_for(asyncio.wrap_future(done), seconds)
