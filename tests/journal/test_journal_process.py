"""The shipper as a process, and servers that die: what was acknowledged is in the store, once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from headrace.journal import Spool, ship, ship_pass, unshipped
from headrace.journal.__main__ import main
from headrace.store import Store
from headrace.store.tables import Prediction

WRITER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from headrace.journal import PredictionRecord, Spool, Terms
spool = Spool.open(Path(sys.argv[1]), Terms(segment_bytes=20_000))
for number in range(int(sys.argv[3])):
    id = f"{sys.argv[2]}-{number}"
    spool.append(PredictionRecord(id, "employment", 1, "champion", 1, id, datetime(2016, 1, 1, tzinfo=UTC), 1, {"age": 1.0}, 0.5, None, ()))
    os.write(1, f"{id}\\n".encode())
"""


CONFIG = {
    "project": "labour",
    "language": 1,
    "environment": "dev",
    "production": False,
    "store": "sqlite:///.headrace/state.db",
    "blobs": ".headrace/blobs",
    "spool": ".headrace/spool",
    "plugins": {"allow": None, "deny": []},
    "sources": {},
    "views": {},
    "channels": {},
    "models": ["employment"],
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "flows" / "headrace.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def writer(folder: Path, name: str, n: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), name, str(n)], stdout=subprocess.PIPE)


def shipper(workspace: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "headrace.journal", "--workspace", str(workspace), "--model", "employment", *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def acknowledged(process: subprocess.Popen[bytes]) -> list[str]:
    """Whole lines alone: of an id that was being told nobody knows whether it was."""
    assert process.stdout is not None
    told = process.stdout.read()
    process.wait()  # its output ends before its hold on the segment does
    return [line.decode().strip() for line in told.splitlines(keepends=True) if line.endswith(b"\n")]


def ids(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Prediction.id)))


def eventually(truth, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_of_a_server_killed_by_kill_9_every_acknowledged_record_is_shipped_once(folder: Path, store: Store, processes) -> None:
    server = writer(folder, "a", 1_000_000)
    processes.append(server)
    eventually(lambda: len(list(folder.glob("*.spool"))) > 3)
    server.kill()
    told = acknowledged(server)
    done = ship_pass(store, folder)
    found = ids(store)

    assert (set(), True, len(set(found))) == (set(told) - set(found), len(told) > 100, len(found))
    # One record may have been spooled and not acknowledged; nothing else is there.
    assert len(found) - len(told) in {0, 1}
    assert (0, []) == (done.refused, list(folder.glob("*.spool")))


@pytest.mark.slow
def test_shippers_killed_by_kill_9_lose_nothing_and_ship_nothing_twice(workspace: Path, folder: Path, store: Store, processes) -> None:
    servers = [writer(folder, name, 5_000) for name in "ab"]
    processes += servers
    for delay in (0.8, 1.0, 1.3):
        process = shipper(workspace, "--every", "0.01")
        processes.append(process)
        time.sleep(delay)
        process.kill()
        process.wait()  # until it is gone, it holds the segment that it was at, and nobody else deletes it
    told = [name for server in servers for name in acknowledged(server)]
    ship(store, folder)
    found = ids(store)

    assert (sorted(told), 10_000, 0, []) == (sorted(found), len(found), unshipped(store, folder), list(folder.glob("*.spool")))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_shipper_told_to_end_makes_a_last_pass(number: signal.Signals, workspace: Path, folder: Path, store: Store, prediction) -> None:
    spool = Spool.open(folder)
    process = shipper(workspace, "--every", "0.05")
    spool.append(prediction(1, id="first"))
    eventually(lambda: ids(store) == ["first"])
    process.send_signal(signal.SIGSTOP)
    spool.append(prediction(2, id="last"))
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)

    assert (0, ["first", "last"]) == (process.wait(30), ids(store))


@pytest.mark.slow
def test_a_shipper_ends_with_its_parent_where_it_is_asked_to(workspace: Path, folder: Path, store: Store, prediction, processes) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process = shipper(workspace, "--with-parent", str(parent.pid))
    processes += [parent, process]
    Spool.open(folder).append(prediction(1, id="first"))
    eventually(lambda: ids(store) == ["first"])
    parent.kill()

    assert 0 == process.wait(30)


@pytest.fixture
def restored_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run(workspace: Path, *more: str) -> int:
    return main(["--workspace", str(workspace), "--model", "employment", "--every", "0.01", *more])


@pytest.mark.usefixtures("restored_signals")
def test_with_a_parent_that_is_dead_already_there_is_one_pass(workspace: Path, folder: Path, store: Store, prediction) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    Spool.open(folder).append(prediction(1, id="first"))

    assert (0, ["first"]) == (run(workspace, "--with-parent", str(dead.pid)), ids(store))


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize(("text", "fault"), [(None, "not-compiled"), ("{", "config-unreadable"), ("{}", "config-unreadable")])
def test_a_workspace_that_is_none_is_said(workspace: Path, capsys: pytest.CaptureFixture[str], text: str | None, fault: str) -> None:
    workspace.unlink() if text is None else workspace.write_text(text)

    assert (1, True) == (run(workspace), f"error[{fault}]" in capsys.readouterr().err)


@pytest.mark.usefixtures("restored_signals")
def test_a_store_that_cannot_be_opened_is_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write_text(json.dumps({**CONFIG, "store": "env:NOWHERE"}))

    assert (3, True) == (run(workspace), "missing-variable" in capsys.readouterr().err)


@pytest.mark.usefixtures("restored_signals")
def test_a_store_that_does_not_take_the_last_pass_is_said_once_and_is_a_failure(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []

    def refuse(*_: object) -> None:
        passes.append(1)
        if len(passes) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("the disk is gone")

    monkeypatch.setattr("headrace.journal.__main__.ship_everywhere", refuse)

    assert (1, 1) == (run(workspace), capsys.readouterr().err.count("the disk is gone"))


@pytest.mark.usefixtures("restored_signals")
def test_a_store_that_answers_again_is_said_and_so_is_what_was_stepped_over(
    workspace: Path, folder: Path, prediction, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(folder)
    spool.append(prediction(1, id="first"))
    spool.append(prediction(2, model=None))
    spool.close()
    passes = []

    def second(*arguments):
        passes.append(1)
        if len(passes) == 1:
            raise OSError("the disk is gone")
        os.kill(os.getpid(), signal.SIGTERM)
        return ship_pass(*arguments[:2])

    monkeypatch.setattr("headrace.journal.__main__.ship_everywhere", second)
    code, said = run(workspace), capsys.readouterr().err

    assert (0, True, True) == (code, "the store answers again" in said, "0 torn or damaged and 1 refused" in said)
