"""A real receiver of OpenLineage's events over HTTP, whose answers are set."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`heard` is what it took; each of `answers` is the status of one answer, 201 where there is none; `silent` never answers."""

    url: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)
    freed: threading.Event = field(default_factory=threading.Event)

    @property
    def kinds(self) -> list[str]:
        return [event["eventType"] for event in self.heard]


@contextmanager
def receiving(checked: Callable[[dict[str, Any]], Any] = lambda event: event) -> Iterator[Receiver]:
    """It listens for the length of the block; `checked` is asked about each event."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if told.silent.is_set():
                told.freed.wait(60)
                return
            code = told.answers.pop(0) if told.answers else 201
            if code < 300:
                told.heard.append(checked(body))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Receiver(f"http://127.0.0.1:{server.server_port}/api/v1/lineage")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.freed.set()
        server.shutdown()
        server.server_close()
        thread.join()
