"""A real HTTP server that answers what a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Asked:
    """One request; `time` is its header Headrace-Time."""

    path: str
    body: Any
    time: str | None


class Answering:
    """Its answers by path: a value, bytes, or a function that is called for each request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.silent = False
        self._answers: dict[str, tuple[Any, int]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def say(self, path: str, answer: Any, status: int = 200) -> None:
        self._answers[path] = (answer, status)

    def bodies(self, path: str) -> list[Any]:
        return [request.body for request in self.asked if request.path == path]

    def drop(self) -> None:
        """End every connection, as an impatient server does."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections.append(self.connection)

            def answer(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(Asked(self.path, json.loads(data) if data else None, self.headers.get("Headrace-Time")))
                if outer.silent:
                    time.sleep(0.5)
                found, status = outer._answers.get(self.path, ({"detail": "not here"}, 404))
                told = found() if callable(found) else found
                sent = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
