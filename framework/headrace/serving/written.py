"""An answer put on the wire by one write, where uvicorn writes head and body apart: each is a call of the kernel, and a packet."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def at_once(send: Send, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
    """Whether an answer went out with status 200, byte by byte as `send` would have put it; where not, nothing did, and `send` must say it.

    It goes out only where `send` is uvicorn's own, over a connection that takes it now and stays open afterwards. `headers` say how long
    the body is, and are named in lower case.
    """
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or not cycle.keep_alive or cycle.disconnected or cycle.response_started:
        return False
    if cycle.flow.write_paused or cycle.access_log:
        return False
    told = b"HTTP/1.1 200 OK\r\n"
    for name, value in (*cycle.default_headers, *headers):
        if name == b"connection":  # the server ends, or sends clients elsewhere: uvicorn closes then
            return False
        told += b"%b: %b\r\n" % (name, value)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b\r\n%b" % (told, body))
    cycle.message_event.set()
    cycle.on_response()
    return True
