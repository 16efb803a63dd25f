"""An answer by one write: the same bytes as uvicorn's own, in the same order, and only where uvicorn would do nothing more."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from headrace.serving.written import at_once

ANSWER = b'{"told": 1}'
HEADERS = [(b"content-length", b"%d" % len(ANSWER)), (b"content-type", b"application/json")]

AWAY = (b"away", b"1")


class App:
    """Answers `/once` by one write where it may, and everything else as ASGI has it."""

    def __init__(self) -> None:
        self.went: SimpleQueue[bool] = SimpleQueue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        cycle: Any = send.__self__  # type: ignore[attr-defined]
        cycle.access_log = False  # pytest listens to every logger
        if AWAY in scope["headers"]:
            cycle.default_headers = [*cycle.default_headers, (b"connection", b"close")]  # as of a server that ends
        if scope["path"] == "/once":
            went = at_once(send, HEADERS, ANSWER)
            self.went.put(went)
            if went:
                return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})


class Running:
    """An app behind uvicorn, and what it says to bytes."""

    def __init__(self) -> None:
        self.app = App()
        self.server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                interface="asgi3",
                proxy_headers=False,
                loop="uvloop",
                http="httptools",
                lifespan="off",
                access_log=False,
                log_level="error",
            )
        )
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()

    def said(self, *requests: bytes) -> bytes:
        """All that comes back to requests in one packet, until the server has answered them, without its clock."""
        with socket.create_connection(self.listening.getsockname(), timeout=20) as connection:
            connection.sendall(b"".join(requests))
            back = b""
            while back.count(ANSWER) < len(requests):
                more = connection.recv(65536)
                assert more
                back += more
            if b"connection: close" in back:
                assert b"" == connection.recv(1)
        return re.sub(rb"date: [^\r]*\r\n", b"", back)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.server.should_exit = True
    made.thread.join(20)


def request(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", "content-length: 2", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n{}"


@pytest.mark.parametrize(
    ("headers", "once"),
    [
        ((), True),
        (("connection: keep-alive",), True),
        (("expect: 100-continue",), True),
        (("connection: close",), False),
        (("away: 1",), False),
    ],
)
def test_the_bytes_are_uvicorns(running: Running, headers: tuple[str, ...], once: bool) -> None:  # noqa: FBT001 - a case
    told = running.said(request("/once", *headers))
    assert (running.said(request("/twice", *headers)), once) == (told, running.app.went.get(timeout=20))


def test_requests_in_one_packet_are_answered_each(running: Running) -> None:
    asked = [request("/once"), request("/twice"), request("/once"), request("/once", "connection: close")]
    told = running.said(*asked)
    went = [running.app.went.get(timeout=20) for _ in range(3)]
    assert (running.said(*(one.replace(b"/once", b"/twice") for one in asked)), [True, True, False]) == (told, went)


def test_what_is_not_uvicorns_own_is_left_alone() -> None:
    async def send(message: object) -> None:
        raise AssertionError(message)

    assert not at_once(send, HEADERS, ANSWER)
