from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.diagnostics import Report
from headrace.hooks import Plugins, load_plugins
from headrace.store import Store


@dataclass
class Receiver:
    """A real HTTP server that answers as it is told, one plan a request: a status, or `hang`; 204 once the plan is used up."""

    url: str
    plan: list[int | str] = field(default_factory=list)
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.seen]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.seen.append(({key.lower(): value for key, value in self.headers.items()}, body))
            step = found.plan.pop(0) if found.plan else 204
            if step == "hang":
                found.released.wait(60)
                return
            self.send_response(int(step))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}/hook?key=canary-value")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    report = Report()
    found = load_plugins(None, report)
    assert list(report) == []
    return found
