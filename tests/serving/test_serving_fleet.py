"""A fleet keeps its workers: real processes on a real socket, which say of themselves what a test has them say."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.diagnostics import HeadraceError
from headrace.serving.fleet import Fleet, Limits, Pace, told
from headrace.serving.fleet import supervisor as room

WORKER = """
import json, os, select, signal, socket, sys, time
listening, control = (socket.socket(fileno=int(number)) for number in sys.argv[1].split(","))
told = lambda: json.load(open(sys.argv[2]))
def say(**word):
    control.sendall(json.dumps(word).encode() + b"\\n")
leaving = []
signal.signal(signal.SIGTERM, lambda *_: leaving.append(1))
first = told()
if "fail" in first:
    say(**{"is": "failed", "reason": first["fail"]})
    sys.exit(3)
base = first.get("rss", 100)
say(**{"is": "ready", "rss": base})
while not leaving:
    ready, _, _ = select.select([control, listening], [], [], 0.02)
    if control in ready:
        heard = control.recv(4096)
        if not heard or b'"leave"' in heard:
            break
    if listening in ready:
        connection, _ = listening.accept()
        connection.sendall(str(os.getpid()).encode())
        connection.close()
    now = told()
    rss = now.get("grown", base) if os.getpid() == now.get("who") else base
    say(**{"is": "load", "busy": now.get("busy", 0.6), "in_flight": 0, "connections": 0, "rss": rss})
"""
FAST = Pace(look=0.02, grow=0.05, shrink=0.2, life=0.0, again=0.01)


class Kept:
    """A running fleet, and what its workers say."""

    def __init__(self, root: Path, limits: Limits, **says: Any) -> None:
        self.says = root / "says.json"
        self.say(**says)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.where = root / "fleet"
        self.said: list[int] = []
        """How many were ready whenever it was said that they answer."""
        command = lambda *sockets: [sys.executable, "-S", "-c", WORKER, ",".join(map(str, sockets)), str(self.says)]  # noqa: E731
        self.fleet = Fleet(command, self.listening, limits, where=self.where, grace=2.0, pace=FAST, says=self._says)
        self.stopped = self.reloaded = False
        self.failed: list[HeadraceError] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.fleet.run(lambda: self.stopped, self._asked)
        except HeadraceError as error:
            self.failed.append(error)

    def _says(self) -> None:
        self.said.append(len(self.ready()))

    def _asked(self) -> bool:
        asked, self.reloaded = self.reloaded, False
        return asked

    def say(self, **says: Any) -> None:
        new = self.says.with_suffix(".new")
        new.write_text(json.dumps(says))
        new.replace(self.says)

    def ready(self) -> list[int]:
        return [one.process.pid for one in list(self.fleet.workers) if one.state == "ready"]

    def answers(self) -> int:
        with socket.create_connection(self.address, timeout=30) as connection:
            return int(connection.recv(100))


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come true in time"
        time.sleep(0.01)


@contextmanager
def kept(root: Path, limits: Limits, **says: Any) -> Iterator[Kept]:
    made = Kept(root, limits, **says)
    made.thread.start()
    try:
        yield made
    finally:
        made.stopped = True
        made.thread.join(10)


def test_the_least_answer_on_one_socket_and_are_told(tmp_path: Path) -> None:
    with kept(tmp_path, Limits(2, 2, None)) as made:
        until(lambda: len(made.ready()) == 2)
        assert made.answers() in made.ready()
        until(lambda: (found := told.read(made.where)) is not None and [one["state"] for one in found["workers"]] == ["ready"] * 2)
        pids = made.ready()
        assert [1] == made.said
    assert [] == [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not made.where.exists()
    with pytest.raises(ConnectionRefusedError):
        made.answers()


def test_one_that_is_killed_is_started_again_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), kept(tmp_path, Limits(2, 2, None)) as made:
        until(lambda: len(made.ready()) == 2)
        first = made.ready()
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(made.ready()) == 2 and first[0] not in made.ready())
        assert first[1] in made.ready()
    assert "killed by signal 9; another starts in 0.01 s" in caplog.text


def test_a_crash_loop_ends_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with kept(tmp_path, Limits(1, 2, None), fail="the store is away") as made:
        made.thread.join(20)
        assert not made.thread.is_alive()
    (error,) = made.failed
    (fault,) = error.report
    assert ("workers-fail", True) == (fault.id, "5 workers in a row" in fault.message and "the store is away" in fault.message)
    assert ["0.01", "0.02", "0.04", "0.08"] == [
        record.getMessage().split(" starts in ")[1].split(" ")[0] for record in caplog.records if " starts in " in record.getMessage()
    ]


def test_those_that_answer_go_on_while_others_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "LONGEST_PAUSE", 0.05)  # those that answer have answered for long
    with kept(tmp_path, Limits(2, 2, None)) as made:
        until(lambda: len(made.ready()) == 2)
        stays, goes = made.ready()
        made.say(fail="no more files may be open")
        os.kill(goes, signal.SIGKILL)
        until(lambda: "in a row" in caplog.text)
        assert [stays] == made.ready()
        assert stays == made.answers()
    assert (True, []) == ("no more files may be open" in caplog.text, made.failed)


def test_one_that_takes_too_much_leaves_once_another_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with kept(tmp_path, Limits(1, 1, 1000)) as made:
        until(lambda: len(made.ready()) == 1)
        (big,) = made.ready()
        made.say(who=big, grown=2000)
        until(lambda: made.ready() and big not in made.ready())
        assert 1 == len(made.ready())
        until(lambda: (told.read(made.where) or {}).get("replaced") == {"memory": 1})
    assert "worker 1 takes" in caplog.text


def test_a_limit_below_what_a_worker_starts_with_replaces_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with kept(tmp_path, Limits(1, 1, 50)) as made:
        until(lambda: "none is replaced for it" in caplog.text)
        assert 1 == len(made.ready())
    assert 1 == made.fleet.workers[0].number


def test_a_reload_replaces_each_and_never_has_fewer(tmp_path: Path) -> None:
    with kept(tmp_path, Limits(2, 2, None)) as made:
        until(lambda: len(made.ready()) == 2)
        before = set(made.ready())
        fewest = [2]
        made.reloaded = True

        def renewed() -> bool:
            now = made.ready()
            fewest.append(len(now))
            return len(now) == 2 and not before & set(now)

        until(renewed)
        assert 2 == min(fewest)
        assert 2 == (told.read(made.where) or {}).get("wanted")


def test_a_successor_stays_in_the_place_of_one_that_was_gone_before(tmp_path: Path) -> None:
    with kept(tmp_path, Limits(1, 3, None)) as made:
        until(lambda: len(made.ready()) == 1)
        (old,) = made.ready()
        made.reloaded = True
        until(lambda: len(made.fleet.workers) == 2)
        os.kill(old, signal.SIGKILL)
        until(lambda: old not in [one.process.pid for one in list(made.fleet.workers)] and made.ready())
        until(lambda: [("ready", None)] == [(one.state, one.successor_of) for one in list(made.fleet.workers)])


def test_what_the_load_asked_for_is_kept_when_one_dies(tmp_path: Path) -> None:
    with kept(tmp_path, Limits(1, 3, None), busy=0.95) as made:
        until(lambda: len(made.ready()) == 3)
        made.say(busy=0.6)
        killed = made.ready()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in made.ready() and len(made.ready()) == 3)


def test_it_grows_with_its_load_and_shrinks_when_it_is_spare(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), kept(tmp_path, Limits(1, 3, None)) as made:
        until(lambda: len(made.ready()) == 1)
        made.say(busy=0.95)
        until(lambda: len(made.ready()) == 3)
        made.say(busy=0.05)
        until(lambda: len(made.ready()) == 1)
    assert "workers are wanted" in caplog.text


def test_a_socket_that_is_shared_loses_no_connection_with_who_leaves() -> None:
    """Why one socket is inherited: of sockets of one port, what stands in the queue of one that is closed is reset."""
    shared = socket.create_server(("127.0.0.1", 0))
    with shared, shared.dup() as leaving, socket.create_connection(shared.getsockname(), timeout=30) as client:
        leaving.close()
        shared.accept()[0].sendall(b"served")
        assert b"served" == client.recv(10)
    owners = [socket.socket() for _ in range(2)]
    for one in owners:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", owners[0].getsockname()[1] if one is owners[1] else 0))
        one.listen()
    clients = [socket.create_connection(owners[0].getsockname(), timeout=30) for _ in range(32)]
    owners[0].close()
    lost = 0
    for client in clients:
        client.setblocking(False)
        try:
            client.recv(1)
        except BlockingIOError:
            pass
        except ConnectionResetError:
            lost += 1
        client.close()
    owners[1].close()
    assert lost > 0


def test_the_fleet_of_a_model_is_not_that_of_one_whose_name_begins_alike(tmp_path):
    for model, port in (("a", 8001), ("a-b", 8002)):
        where = told.folder(tmp_path, model, port)
        where.mkdir(parents=True)
        told.write(where, {"supervisor": os.getpid()})
    assert ({8001}, {8002}) == (set(told.running(tmp_path, "a")), set(told.running(tmp_path, "a-b")))
