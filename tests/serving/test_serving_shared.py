"""Connections of a shared socket go to who has the fewest, and wait while nothing is left for them."""

import asyncio
import os
import resource
import socket
from collections.abc import Callable

import pytest

from headrace.serving import shared
from headrace.serving.shared import Accepting


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the socket tells nobody else
            await asyncio.sleep(0.001)


def test_who_has_none_takes_before_who_has_some() -> None:
    async def run() -> tuple[int, int]:
        taken: tuple[list[socket.socket], list[socket.socket]] = ([], [])
        clients = []
        with socket.create_server(("127.0.0.1", 0)) as first, first.dup() as second:
            both = [Accepting(first, taken[0].append, lambda: 10), Accepting(second, taken[1].append, lambda: 0)]
            for count in range(1, 9):
                clients.append(socket.create_connection(first.getsockname()))
                await until(lambda count=count: len(taken[0]) + len(taken[1]) == count)  # type: ignore[misc]
            for one in both:
                one.close()
        for one in (*clients, *taken[0], *taken[1]):
            one.close()
        return len(taken[0]), len(taken[1])

    assert (0, 8) == asyncio.run(run())


def test_a_connection_for_which_no_file_is_left_waits_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared, "EXHAUSTED", 0.02)

    async def run() -> None:
        taken: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()):
            free = os.dup(0)
            os.close(free)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
            try:
                accepting = Accepting(listening, taken.append, lambda: 0)
                await until(lambda: caplog.text.count("no connection can be taken") > 1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await until(lambda: taken)
            accepting.close()
            taken[0].close()

    asyncio.run(run())
