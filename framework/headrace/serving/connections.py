"""What a server allows a connection before there is a request: so many connections, so much of a head, and so much time for it."""

from __future__ import annotations

import asyncio
import resource
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.compiled import LimitsConfig
from headrace.serving.measures import Measures
from headrace.serving.overload import overloaded
from headrace.serving.problem import Refused

HEAD = 64 * 1024
"""The most bytes of a request's head: its line and headers."""
IDLE = 60.0
"""Seconds after which a connection that never said anything is closed."""
LINGER = 2.0
"""Seconds for which what a refused request still sends is read, and thrown away: a reset would take the answer from its client."""
LINGERED = 16 * 2**20
"""The most bytes of it."""
_SPARE = 10_000
"""So many connections more are told that there are too many; beyond them they are closed without a word."""


def protocol(limits: LimitsConfig, measures: Measures) -> type[HttpToolsProtocol]:
    """The protocol of uvicorn, with these limits, counting what it refuses."""
    return type("Connection", (Connection,), {"limits": limits, "measures": measures})


def allow_files() -> None:
    """As many open files as the system lets this process have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Connection(HttpToolsProtocol):
    """One connection. What is slow is looked for once a second among all, so that no request pays for a timer."""

    limits: LimitsConfig
    measures: Measures
    url = b""
    begun: float | None = None
    """Since when a head is awaited; None while there is none to come."""
    head = 0
    """Bytes that came while it was."""
    many = False
    """Whether it is one too many, or lingers."""
    lingering: int | None = None
    """How many bytes more are thrown away before it is closed; None while it is used."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Uvicorn's, and whether it is one too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        count = len(self.connections)
        if count > self.limits.connections + _SPARE:
            self.transport.abort()
            return
        self.many = count > self.limits.connections
        self.begun = self.loop.time()
        if not getattr(self.server_state, "swept", False):
            self.server_state.swept = True  # type: ignore[attr-defined]
            self.loop.call_later(1.0, _sweep, self.loop, self.server_state, self.limits.time)

    def data_received(self, data: bytes) -> None:
        """Uvicorn's, as long as no head is too large."""
        if self.lingering is not None:
            self.lingering -= len(data)
            if self.lingering < 0:
                self.transport.close()
            return
        if self.many:
            self.refuse(overloaded(f"{self.limits.connections} connections are open"))
            return
        if self.begun is None:
            super().data_received(data)
            return
        self.head += len(data)
        super().data_received(data)
        if self.begun is not None and self.head > HEAD:
            self.refuse(_too_large())

    def on_message_begin(self) -> None:
        """A request begins."""
        self.begun, self.head = self.loop.time(), max(self.head, 1)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self.begun, self.head = None, 0
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = _Ending(self)  # type: ignore[assignment]

    def _should_upgrade_to_ws(self) -> bool:
        return False  # there is nothing to speak of by web sockets, whose protocol knows nothing of these bounds

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: anybody may ask for one, as often as they like."""

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers where the parser finds no request: a problem as any other, and counted."""
        del msg
        if len(self.url) >= HEAD:
            self.refuse(_too_large())
            return
        self.refuse(Refused(HTTPStatus.BAD_REQUEST, "malformed-request", "what came is no HTTP request: its line, a header or its body"))

    def refuse(self, refused: Refused) -> None:
        """Answer outside of the app, and close."""
        if self.transport.is_closing() or self.lingering is not None:
            return
        self.measures.refused(refused.status)
        answer = refused.response()
        lines = [f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}", *(f"{k}: {v}" for k, v in answer.headers.items())]
        self.transport.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + bytes(answer.body))
        if self.many:
            self.transport.close()
        else:
            self.linger()

    def linger(self) -> None:
        """Close once its client has said all, or has said too much, or for too long."""
        if self.lingering is not None or self.transport.is_closing():
            return
        self.many, self.lingering, self.begun = True, LINGERED, None
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def slow(self, now: float) -> None:
        """Refuse or close it where it takes too long to say what it wants."""
        if self.begun is None:
            return
        if self.head == 0:
            if now - self.begun > (self.limits.time if self.many else max(IDLE, self.limits.time)):
                self.transport.close()
        elif now - self.begun > self.limits.time:
            self.refuse(Refused(408, "too-slow", f"the request's head did not come within {self.limits.time:g} s"))


class _Ending:
    """The transport as uvicorn's cycle of one request has it: where the cycle closes it with a body still to come, it lingers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cycle = connection.cycle
        self._transport = connection.transport
        self.write = self._transport.write

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        return getattr(self._transport, name)

    def close(self) -> None:
        if self._cycle.more_body:
            self._connection.linger()
        else:
            self._transport.close()


def _too_large() -> Refused:
    return Refused(431, "too-large-head", f"the request's line and headers have more than {HEAD} bytes")


def _sweep(loop: asyncio.AbstractEventLoop, state: Any, seconds: float) -> None:  # noqa: ANN401 - uvicorn's own
    now = loop.time()
    for connection in list(state.connections):
        connection.slow(now)
    if state.connections:
        loop.call_later(min(1.0, seconds), _sweep, loop, state, seconds)
    else:
        state.swept = False
