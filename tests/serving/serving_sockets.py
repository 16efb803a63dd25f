"""An app behind uvicorn on a socket of this process, as a server has it, and clients of it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx
import uvicorn
from fastapi.testclient import TestClient

from headrace.compiled import LimitsConfig
from headrace.serving.direct import protocol
from headrace.serving.head import Now
from headrace.serving.plane import Plane


@dataclass
class Cut:
    """How many bytes a server reads at once."""

    size: int = 2**30


class Sockets:
    """A server on a port, and what it says to bytes."""

    def __init__(self, app: Plane, nows: Mapping[tuple[bytes, bytes], Now], limits: LimitsConfig | None = None) -> None:
        self.app = app
        cut = Cut()
        made = protocol(limits or LimitsConfig(), app.state.server.measures, nows)

        class Quiet(made):  # type: ignore[misc, valid-type]
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.access_log = False  # pytest listens to every logger
                super().connection_made(transport)

            def data_received(self, data: bytes) -> None:
                for at in range(0, len(data), cut.size):
                    if not self.transport.is_closing():
                        super().data_received(data[at : at + cut.size])

        self.cut = cut
        self.made: Any = Quiet
        self.listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=self.made, loop="uvloop", lifespan="on", access_log=False, log_config=None, server_header=False, proxy_headers=False
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            time.sleep(0.002)

    @property
    def port(self) -> int:
        port: int = self.listening.getsockname()[1]
        return port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def said(self, data: bytes) -> bytes:
        """All that comes back to bytes, until the server closes."""
        with self.connect() as connection:
            connection.sendall(data)
            back = b""
            while more := connection.recv(65536):
                back += more
        return back

    def end(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)


@contextmanager
def running(app: Plane, nows: Mapping[tuple[bytes, bytes], Now], limits: LimitsConfig | None = None) -> Iterator[Sockets]:
    """Until the end of the block."""
    made = Sockets(app, nows, limits)
    try:
        yield made
    finally:
        made.end()


class Wire(httpx.BaseTransport):
    """One connection that sends what it is told to, as it stands."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._connection.putrequest(request.method, request.url.raw_path.decode(), skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.raw:
            self._connection.putheader(name, value)
        chunked = "transfer-encoding" in request.headers
        self._connection.endheaders(iter(request.stream) if chunked else request.read(), encode_chunked=chunked)  # type: ignore[arg-type]
        reply = self._connection.getresponse()
        return httpx.Response(reply.status, headers=reply.getheaders(), content=reply.read())

    def close(self) -> None:
        self._connection.close()


@contextmanager
def asked(sockets: Sockets) -> Iterator[TestClient]:
    """A client that speaks over one connection, and has the app as Starlette's has it."""
    made: Any = httpx.Client(base_url="http://127.0.0.1", transport=Wire(sockets.port))
    made.app = sockets.app
    with made:
        yield made
