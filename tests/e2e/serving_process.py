"""A server as a process of its own, as `headrace serve` starts it, and a client that counts what was acknowledged."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import CONFIG, MODEL, ROW, Project, project

__all__ = ["CONFIG", "MODEL", "ROW", "Hammer", "Project", "Served", "ask", "free_port", "project", "served", "until"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait for it; the seconds that it took."""
    started = time.monotonic()
    while not true():
        if time.monotonic() - started > seconds:
            raise AssertionError("it did not come true in time")
        time.sleep(0.01)
    return time.monotonic() - started


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def metadata(self) -> dict[str, Any]:
        status, told = self.request("GET", "/metadata")
        assert status == 200
        found: dict[str, Any] = told
        return found

    def answers_as(self, **versions: int) -> bool:
        return bool(self.metadata()["versions"] == versions)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


def ask(connection: HTTPConnection, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
    reply = connection.getresponse()
    text = reply.read()
    return reply.status, json.loads(text) if "json" in (reply.getheader("content-type") or "") else text.decode()


@contextmanager
def served(made: Project, *options: str) -> Iterator[Served]:
    """Start a server, and wait until it is ready (or, without a champion, live); ended by SIGTERM afterwards."""
    log = made.root / "serve.log"
    command = [sys.executable, "-m", "headrace.serving", str(made.config), "--port", "0", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        until(lambda: process.poll() is not None or b"answers on" in log.read_bytes(), 120)
        found = re.search(r"answers on http://127\.0\.0\.1:(\d+)", log.read_text())
        assert found, log.read_text()
        server = Served(process, int(found[1]), log)

        def live() -> bool:
            try:
                return server.request("GET", "/health/live")[0] == 200
            except OSError:
                return False

        until(live, 60)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@dataclass
class Hammer:
    """Threads that ask without a pause, each over one connection; what was answered, and what was not."""

    port: int
    threads: int = 4
    answered: list[dict[str, Any]] = field(default_factory=list)
    failed: list[object] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._running = [threading.Thread(target=self._run, args=(number,)) for number in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._running:
            thread.join()

    def _run(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        turn = 0
        try:
            while not self._ended.is_set():
                turn += 1
                status, told = ask(connection, "POST", "/predict", {**ROW, "person_id": f"{number}-{turn}", "age": turn % 100 + 1})
                (self.answered if status == 200 else self.failed).append(told)
        except (OSError, HTTPException) as error:
            self.failed.append(error)
        finally:
            connection.close()
