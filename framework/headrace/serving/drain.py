"""How a server ends: it answers what was sent to it, sends its clients away with their last answers, and takes no more."""

from __future__ import annotations

import array
import asyncio
import copy
import fcntl
import logging
import select
import socket
import termios
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from headrace.serving.shared import Accepting

LOG = logging.getLogger("headrace.serving")

SETTLE = 0.3
"""Seconds for which a connection on which nothing is asked is kept, so that its next request is answered, and its last."""
QUEUED = 0.2
"""Seconds at most for taking what stands in the socket's queue: its clients have connected already."""
CLOSE = (b"connection", b"close")


class Draining(uvicorn.Server):
    """A server on one bound socket. From the first signal on it says `on_signal`, and ends as `shutdown` says.

    `announce` seconds it goes on accepting while it says that it is not ready, for a balancer that asks. A server that `leave`s has
    others beside it on the same socket: it takes nothing more at once, since they do. `shared` says whether it may have.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        shared: bool,
        announce: float,
        on_signal: Callable[[int], None],
        on_start: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._shared = shared
        self._accepting: list[Accepting] = []
        self._open: set[Any] = self.server_state.connections
        """Connections, as uvicorn's protocols; those of HTTP/1.1 alone are configured."""
        self._taking: set[asyncio.Task[object]] = set()
        self._announce = announce
        self._on_signal = on_signal
        self._on_start = on_start
        self._leaves = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: uvicorn's own handler, after ours."""
        self._on_signal(sig)
        super().handle_exit(sig, frame)

    def leave(self) -> None:
        """End, and leave what comes now to the others on the socket."""
        self._leaves = True
        self.should_exit = True

    def shed(self, share: float) -> None:
        """Send a share of the clients away with their next answers: who comes again may find a worker that has less to do."""
        leaving = copy.copy(self.server_state)
        leaving.default_headers = [*leaving.default_headers, CLOSE]
        connections = list(self._open)
        for connection in connections[: round(len(connections) * share)]:
            connection.server_state = leaving  # what the headers of its next answer are taken from

    @property
    def in_flight(self) -> int:
        """Requests that are being answered."""
        return len(self.server_state.tasks)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and then `on_start`; from a socket that others share it takes connections by turns with them."""
        await super().startup([] if self._shared else sockets)
        if not self.started:
            return
        if self._shared:
            self._accepting = [Accepting(one, self._take, lambda: len(self._open) + len(self._taking)) for one in sockets or ()]
        self._on_start()

    def _take(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        taking = loop.create_task(loop.connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl))
        self._taking.add(taking)
        taking.add_done_callback(self._taken)

    def _taken(self, taking: asyncio.Task[object]) -> None:
        self._taking.discard(taking)
        if not taking.cancelled() and (error := taking.exception()) is not None:
            LOG.info("a connection broke before it was taken: %s", error)

    def _protocol(self) -> asyncio.Protocol:
        made = self.config.http_protocol_class
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer what was sent, and close what is idle; then as uvicorn's, which waits for what is in flight."""
        self.server_state.default_headers.append(CLOSE)
        for connection in list(self._open):
            if not _idle(connection):
                connection.cycle.keep_alive = False
        if not self._leaves:
            await self._wait(self._announce, lambda: False)
            await self._wait(QUEUED, lambda: not any(_readable(one) for one in sockets or ()))
        for server in self.servers:
            server.close()
        for accepting in self._accepting:
            accepting.close()
        for one in sockets or ():
            one.close()
        await self._wait(QUEUED, lambda: not self._taking)
        await self._wait(SETTLE, lambda: not self._open)
        await self._wait(SETTLE, self._close_idle)
        await super().shutdown(sockets)

    def _close_idle(self) -> bool:
        """Close what is idle; whether none is left. What a client has sent and was not read yet is read first: it is a request."""
        idle = [connection for connection in list(self._open) if _idle(connection)]
        for connection in idle:
            if not _unread(connection.transport):
                connection.transport.close()
        return not idle

    async def _wait(self, seconds: float, until: Callable[[], bool]) -> None:
        ends = time.monotonic() + seconds
        while not until() and time.monotonic() < ends and not self.force_exit:  # noqa: ASYNC110 - connections tell nobody that they end
            await asyncio.sleep(0.005)


def _idle(connection: Any) -> bool:  # noqa: ANN401 - uvicorn's protocols have no type of their own
    return connection.cycle is None or connection.cycle.response_complete


def _readable(listening: socket.socket) -> bool:
    """Whether a connection stands in the queue; a socket that is closed has none."""
    if listening.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(0))


def _unread(transport: asyncio.Transport) -> bool:
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return False
    waiting = array.array("i", [0])
    fcntl.ioctl(connection.fileno(), termios.FIONREAD, waiting)
    return waiting[0] > 0
