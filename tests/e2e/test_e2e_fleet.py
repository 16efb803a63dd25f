"""Several processes answer for a model: nothing is lost with one that is killed, nor with all of them at their end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from serving_process import ROW, Served, ask, project, served, until
from sqlmodel import select

from headrace.journal import ship, unshipped
from headrace.serving.__main__ import _worker, listen
from headrace.serving.fleet import Fleet, Limits, Pace, told
from headrace.serving.process import GRACE, Ending
from headrace.store import tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]

PAUSE = 0.003
"""Seconds between two requests of one client: the machine is to be asked, and not to be full."""
TWO = {"replicas": {"min": 2, "max": 2, "memory": None}}


@dataclass
class Clients:
    """Clients that keep their connections, and ask on them until an answer says that it is the last, or until told to stop."""

    port: int
    count: int = 6
    again: bool = False
    """Whether they connect again after a last answer, or after a break."""
    answered: list[str] = field(default_factory=list)
    last: list[bool] = field(default_factory=list)
    """Of each client that ended by itself, whether its last answer said so."""
    failed: list[Exception] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            try:
                reply, answer = post(connection, {**ROW, "person_id": f"{number}-{turn}"})
            except (OSError, HTTPException) as error:
                self.failed.append(error)
                connection.close()
                if self.again and not isinstance(error, ConnectionRefusedError):
                    continue
                return
            if reply.status != 200:
                self.failed.append(RuntimeError(f"{reply.status} {answer}"))
                return
            self.answered.append(answer["id"])
            self.stopped.wait(PAUSE)
            if reply.getheader("connection") == "close" and not self.again:
                self.last.append(True)
                return
        connection.close()

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=(number,)) for number in range(self.count)]
        for one in threads:
            one.start()
        try:
            yield
        finally:
            self.stopped.set()
            for one in threads:
                one.join(20)


def post(connection: HTTPConnection, row: dict[str, Any]) -> tuple[HTTPResponse, Any]:
    connection.request("POST", "/predict", json.dumps(row).encode(), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply, json.loads(reply.read())


def workers(server: Served) -> list[int]:
    """The processes that answer, as they are told."""
    return [one["pid"] for one in server.metadata()["workers"]["workers"] if one["state"] == "ready"]


def predicted(server: Served) -> int:
    text = server.request("GET", "/metrics")[1]
    return int(sum(float(value) for value in re.findall(r"^headrace_predictions_total\{[^}]*\} (\S+)$", text, re.MULTILINE)))


def kept(made: Any) -> list[str]:
    ship(made.store, made.spool)
    until(lambda: unshipped(made.store, made.spool) == 0)
    with made.store.read() as session:
        return list(session.exec(select(tables.Prediction.id)))


def test_sigterm_answers_what_was_sent_and_sends_its_clients_away(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    clients = Clients(0)
    with served(made, "--drain", "0.5") as server, socket.create_connection(("127.0.0.1", server.port)) as idle:
        clients.port = server.port
        with clients.asking():
            until(lambda: len(clients.answered) > 200)
            server.process.send_signal(signal.SIGTERM)
            said: list[tuple[int, str]] = []

            def draining() -> bool:
                status, answer = server.request("GET", "/health/ready")
                said.append((status, answer.get("type", "")))
                return status == 503

            until(draining)
            assert 200 == server.request("POST", "/predict", {**ROW, "person_id": "late"})[0]
            until(lambda: len(clients.last) + len(clients.failed) == clients.count)
        idle.settimeout(5)
        assert b"" == idle.recv(1)
        assert 0 == server.process.wait(60)
    assert ([], [True] * clients.count) == (clients.failed, clients.last)
    assert "draining" in said[-1][1]
    assert {*clients.answered} <= {*kept(made)}


def test_a_killed_worker_and_the_end_of_all_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    made = project(tmp_path, TWO)
    made.alias("champion", made.register())
    with served(made) as server:
        until(lambda: len(workers(server)) == 2, 60)
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in workers(server)]
        assert all(b"OMP_NUM_THREADS=1" in one and b"OPENBLAS_NUM_THREADS=1" in one for one in environments)
        assert [(server.port, 2)] == [(port, len(said["workers"])) for port, said in told.running(made.root, "employment").items()]
        clients = Clients(server.port, again=True)
        with clients.asking():
            until(lambda: len(clients.answered) > 300)
            killed = workers(server)[0]
            os.kill(killed, signal.SIGKILL)
            until(lambda: len(clients.answered) > 600)
            until(lambda: len(workers(server)) == 2 and killed not in workers(server), 60)
        lost, answered = list(clients.failed), len(clients.answered)
        # Whoever is asked tells the counts of both, and of the one that is gone; what was under way when it was killed counts there too.
        for _ in range(4):
            assert answered <= predicted(server) <= answered + clients.count
        last = Clients(server.port)
        with last.asking():
            until(lambda: len(last.answered) > 200)
            server.process.send_signal(signal.SIGTERM)
            until(lambda: len(last.last) + len(last.failed) == last.count)
        assert 0 == server.process.wait(60)
        assert b"killed by signal 9" in server.log.read_bytes()
    assert len(lost) <= clients.count  # one request a connection was under way
    assert ([], [True] * last.count) == (last.failed, last.last)
    journalled = kept(made)
    assert {*clients.answered, *last.answered} <= {*journalled}
    assert len(journalled) == len({*journalled})


def test_a_handover_fails_no_request(tmp_path: Path) -> None:
    made = project(tmp_path, {"replicas": {"min": 1, "max": 1, "memory": 2**40}})
    made.alias("champion", made.register())
    with served(made) as server:
        until(lambda: len(workers(server)) == 1, 60)
        before = workers(server)
        clients = Clients(server.port, again=True)
        with clients.asking():
            until(lambda: len(clients.answered) > 200)
            server.process.send_signal(signal.SIGHUP)
            until(lambda: workers(server) not in (before, []) and before[0] not in workers(server), 60)
            until(lambda: not Path(f"/proc/{before[0]}").exists())
            then = len(clients.answered)
            until(lambda: len(clients.answered) > then + 200)
        (left,) = workers(server)
        server.kill()
        until(lambda: not Path(f"/proc/{left}").exists())  # none goes on without who looks after it
    assert [] == clients.failed
    assert {*clients.answered} <= {*kept(made)}


def test_load_makes_it_grow_and_quiet_makes_it_shrink(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    listening = listen("127.0.0.1", 0, "employment")
    port = listening.getsockname()[1]
    pace = Pace(look=0.2, grow=0.5, shrink=1.0)
    fleet = Fleet(
        lambda *sockets: _worker(made.config, Ending(), sockets),
        listening,
        Limits(1, 2, None),
        where=tmp_path / "fleet",
        grace=GRACE,
        pace=pace,
    )
    stopped = threading.Event()
    running = threading.Thread(target=fleet.run, args=(stopped.is_set, lambda: False))
    running.start()

    def answer() -> int:
        return len([one for one in list(fleet.workers) if one.state == "ready"])

    loaded = threading.Event()
    served_by: set[str] = set()
    batch = json.dumps({"rows": [ROW] * 500}).encode()

    def load() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        while not loaded.is_set():
            assert 200 == ask(connection, "POST", "/predict/batch", batch)[0]
            served_by.add(ask(connection, "GET", "/metadata")[1]["worker"])
        connection.close()

    try:
        until(lambda: answer() == 1, 60)
        asking = [threading.Thread(target=load) for _ in range(4)]
        for one in asking:
            one.start()
        until(lambda: answer() == 2, 60)
        # Clients that keep their connections come to the new one too: some are sent away to connect again.
        until(lambda: len(served_by) == 2)
        loaded.set()
        for one in asking:
            one.join(20)
        until(lambda: answer() == 1, 30)
        assert 200 == Served(None, port, tmp_path).request("GET", "/health/ready")[0]  # type: ignore[arg-type] - its process is the fleet's
    finally:
        loaded.set()
        stopped.set()
        running.join(20)
