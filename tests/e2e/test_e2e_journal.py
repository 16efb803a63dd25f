"""The loss bound, on a real server and its shipper: what was acknowledged is journalled, once, whoever is killed and whatever is full."""

import json
import re
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from serving_process import ROW, Hammer, Project, Served, project, served, until
from sqlmodel import func, select

from headrace.journal import ship, ship_everywhere, unshipped
from headrace.store import tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SMALL = 400_000
"""Bytes of a spool whose segments are so small that they rotate within a test."""


def ready(root: Path, **journal: object) -> Project:
    made = project(root, {"journal": journal})
    made.alias("champion", made.register())
    return made


def kept(made: Project) -> list[str]:
    with made.store.read() as session:
        return list(session.exec(select(tables.Prediction.id)))


def shipper(server: Served) -> psutil.Process:
    """The living child; until there is one."""
    parent = psutil.Process(server.process.pid)
    found: list[psutil.Process] = []

    def one() -> bool:
        found[:] = [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]
        return len(found) == 1

    until(one)
    return found[0]


def within_a_transaction(made: Project) -> None:
    """Return once another process holds the store's write lock."""
    connection = sqlite3.connect(made.root / ".headrace" / "state.db", timeout=0, isolation_level=None)

    def locked() -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False

    deadline = time.monotonic() + 60
    try:
        while not locked():
            assert time.monotonic() < deadline
    finally:
        connection.close()


@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(killed="both", enough=200, inside=True)
@example(killed="terminated", enough=150, inside=False)
@given(killed=st.sampled_from(["shipper", "server", "both", "terminated"]), enough=st.integers(150, 900), inside=st.booleans())
def test_whoever_is_killed_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    tmp_path_factory: pytest.TempPathFactory,
    killed: str,
    enough: int,
    inside: bool,  # noqa: FBT001
) -> None:
    made = ready(tmp_path_factory.mktemp("killed"), bytes=SMALL * 10, parquet="files")
    took = 0.0
    with served(made) as server, Hammer(server.port, threads=3) as load:
        child = shipper(server)
        until(lambda: len(load.answered) > enough, 60)
        if inside:
            within_a_transaction(made)
        if killed in ("shipper", "both"):
            child.kill()
        if killed in ("server", "both"):
            server.kill()
        if killed == "terminated":
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) == 0
            took = time.monotonic() - began
        if killed == "shipper":
            shipper(server)
            more = len(load.answered) + 100
            until(lambda: len(load.answered) > more, 60)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    ship_everywhere(made.store, made.spool)
    until(lambda: unshipped(made.store, made.spool) == 0)
    found, acknowledged = kept(made), {one["id"] for one in load.answered}
    filed = pq.read_table(made.root / "files" / "predictions", columns=["id"])["id"].to_pylist()
    made.store.close()

    assert (set(), len(set(found)), sorted(found)) == (acknowledged - set(found), len(found), sorted(filed))
    # At most what was under way when it was killed, one a connection, was journalled and never acknowledged.
    assert len(found) - len(acknowledged) <= 3
    assert took < 2.0


@pytest.mark.parametrize("full", ["refuse", "drop"])
def test_a_store_that_is_locked_for_long_costs_no_more_than_the_declared_bytes(tmp_path: Path, full: str) -> None:
    made = ready(tmp_path, bytes=SMALL, full=full)
    with served(made) as server:
        locking = sqlite3.connect(made.root / ".headrace" / "state.db", timeout=10, isolation_level=None)
        locking.execute("BEGIN IMMEDIATE")
        with Hammer(server.port) as load:
            until(lambda: bool(load.failed) if full == "refuse" else server.metadata()["journal"]["dropped"] > 50, 60)
        told = server.metadata()["journal"]
        held = sum(path.stat().st_size for path in made.spool.glob("*.spool"))
        locking.execute("ROLLBACK")
        locking.close()
        until(lambda: server.metadata()["unshipped"] == 0, 60)
        again = server.request("POST", "/predict", ROW)[0]
    ship(made.store, made.spool)
    found, acknowledged = kept(made), {one["id"] for one in load.answered}
    made.store.close()

    assert (True, len(set(found)), 200) == (held <= SMALL, len(found), again)
    if full == "refuse":
        assert ({"urn:headrace:journal-unwritable"}, set()) == ({one["type"] for one in load.failed}, acknowledged - set(found))
    else:
        assert ([], told["dropped"]) == (load.failed, len(acknowledged - set(found)))


def test_a_disk_that_fills_under_the_spool_refuses_and_answers_again_once_there_is_room(tmp_path: Path) -> None:
    made = ready(tmp_path)
    with served(made) as server:
        before = server.request("POST", "/predict", ROW)
        (segment,) = made.spool.glob("*.spool")
        process = psutil.Process(server.process.pid)
        # The kernel lets no file of this process grow beyond it, nor the store's, which is larger already.
        limits = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (segment.stat().st_size + 1000, limits[1]))
        with Hammer(server.port, threads=2) as load:
            until(lambda: len(load.failed) > 20, 60)
        process.rlimit(psutil.RLIMIT_FSIZE, limits)
        after = server.request("POST", "/predict", ROW)
        until(lambda: server.metadata()["unshipped"] == 0, 60)
    ship(made.store, made.spool)
    found = kept(made)
    acknowledged = {one["id"] for one in [*load.answered, before[1], after[1]]}
    made.store.close()

    assert {"urn:headrace:journal-unwritable"} == {one["type"] for one in load.failed if isinstance(one, dict)}
    assert (200, acknowledged, len(acknowledged)) == (after[0], set(found), len(found))


def test_a_sample_is_logged_by_the_shipper_and_there_is_no_access_log(tmp_path: Path) -> None:
    made = ready(tmp_path, log={"share": 0.2, "file": None})
    with served(made) as server, Hammer(server.port) as load:
        until(lambda: len(load.answered) > 300, 60)
    ship(made.store, made.spool)
    with made.store.read() as session:
        n = session.exec(select(func.count()).select_from(tables.Prediction)).one()
    made.store.close()
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith('{"event":"prediction"')]

    assert (True, {"champion"}) == (0.1 * n < len(lines) < 0.3 * n, {line["arm"] for line in lines})
    assert [] == re.findall(r"POST /predict", server.log.read_text())
