"""A database that is away for an hour, or locked, and a clock that is set back: what was answered meanwhile is there once, in order."""

import logging
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event
from sqlmodel import select

from headrace.journal import Spool, Terms, ship, ship_everywhere, unshipped
from headrace.journal.__main__ import _loop
from headrace.store import Store
from headrace.store.tables import Prediction

HOUR = 3600.0
ANSWERED = 20_000
BOUND = 48 * 1024 * 1024
LOCKED = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


class Forwarded(threading.Event):
    """Waits without waiting: seconds pass as fast as they are asked for, and `passing` says what happens meanwhile."""

    def __init__(self, passing: Callable[[float, "Forwarded"], None]) -> None:
        super().__init__()
        self.now = 0.0
        self._passing = passing

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        self._passing(self.now, self)
        return self.is_set()


def entities(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Prediction.entity).order_by(Prediction.seq)))  # type: ignore[arg-type]


class Hidden:
    """A PostgreSQL that nobody reaches: its socket is away, and who was connected no longer is."""

    def __init__(self, folder: Path) -> None:
        self._socket, self._away = folder / ".s.PGSQL.5432", folder / "away"
        with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
            self._socket.rename(self._away)
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 't%'")

    def show(self) -> None:
        if self._away.exists():
            self._away.rename(self._socket)


@pytest.mark.slow
def test_a_database_that_is_away_for_an_hour_gets_every_answer_once(  # noqa: PLR0917 - fixtures
    postgres_server: Path, postgres: str, tmp_path: Path, folder: Path, prediction, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(postgres, "blobs", root=tmp_path)
    spool, essay, tries = Spool.open(folder, Terms(segment_bytes=8 * 1024 * 1024)), "x" * 3000, []
    spool.append(prediction(0))
    ship(store, folder)
    away, answered = Hidden(postgres_server), 1

    def passing(now: float, stop: Forwarded) -> None:
        nonlocal answered
        while answered < min(ANSWERED, 1 + ANSWERED * now / HOUR):
            spool.append(prediction(answered, inputs={"essay": essay}))
            answered += 1
        if now > HOUR:
            away.show()
            tracemalloc.start()
            stop.set()

    def one_pass():
        tries.append(1)
        return ship_everywhere(store, folder, known)

    known: dict[str, int] = {}
    caplog.set_level(logging.INFO)
    try:
        code = _loop(one_pass, Forwarded(passing), lambda: True, 0.1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        away.show()
    spool.close()
    found = entities(store)
    store.close()

    assert (0, [str(person) for person in range(ANSWERED)]) == (code, found)
    # The spool held more than the shipper may hold at once; who was told once that the store is away is not told again.
    assert (True, True) == (ANSWERED * len(essay) > BOUND > peak, 700 < len(tries) < 800)
    said = [record.levelname for record in caplog.records if record.name == "headrace.journal"]
    assert ["ERROR", "INFO"] == said


def test_a_database_that_another_process_holds_locked_gets_every_answer_once(
    folder: Path, store: Store, prediction, tmp_path: Path
) -> None:
    @event.listens_for(store.engine, "connect")
    def _impatient(connection, _record) -> None:
        connection.execute("PRAGMA busy_timeout=10")

    store.engine.dispose()
    command = [sys.executable, "-c", LOCKED, str(tmp_path / ".headrace" / "state.db")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    spool, answered, passes = Spool.open(folder), 0, []

    def passing(now: float, stop: Forwarded) -> None:
        nonlocal answered
        spool.append(prediction(answered))
        answered += 1
        if now > HOUR / 60:
            other.communicate()
            stop.set()

    def one_pass():
        passes.append(unshipped(store, folder))
        return ship_everywhere(store, folder)

    code = _loop(one_pass, Forwarded(passing), lambda: True, 0.1)
    spool.close()

    assert (0, [str(person) for person in range(answered)]) == (code, entities(store))
    assert passes == sorted(passes)  # nothing of it went anywhere, until all did


def test_where_the_clock_is_set_back_records_keep_their_order(
    folder: Path, store: Store, prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(folder, Terms(segment_bytes=1))
    for person in range(5):  # each in a segment of its own, named by a moment before the last one's
        hours = 10**18 - person * 3600 * 10**9
        monkeypatch.setattr("headrace.journal.spool.time.time_ns", lambda hours=hours: hours)
        spool.append(prediction(person))
    monkeypatch.undo()
    spool.close()

    assert (5, [str(person) for person in range(5)]) == (ship(store, folder), entities(store))
