"""On Dask, with a real Prefect server: a search and a backfill whose workers are killed, and what a runner that is not there says."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask_project
import psutil
import pytest

import dask_cluster
from headrace.diagnostics import HeadraceError
from headrace.local.prefect_server import quiet, start_server
from headrace.local.process import stop
from headrace.steps import runner
from headrace.store import Store


def on_dask(test: Callable[..., None]) -> Callable[..., None]:
    """It starts a cluster, and talks to a real server."""
    return pytest.mark.slow(pytest.mark.prefect(test))


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real server, as the environment of whoever talks to it."""
    root = tmp_path_factory.mktemp("prefect")
    server = start_server(root)
    home = str(root / ".headrace" / "prefect")
    yield {**os.environ, **quiet(), "PREFECT_API_URL": server.url, "PREFECT_HOME": home, "PREFECT_LOGGING_LEVEL": "WARNING"}
    assert stop(server.child)


def when(held: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """What is found once it is there."""
    while not (found := held()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return found


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def listening(processes: list[psutil.Process]) -> list[tuple[str, int]]:
    found = [item.laddr for each in processes for item in each.net_connections("tcp") if item.status == psutil.CONN_LISTEN]
    return [(at.ip, at.port) for at in found]


@on_dask
def test_a_killed_worker_loses_no_trial_and_nothing_of_a_search_is_left(tmp_path: Path, prefect: dict[str, str]) -> None:
    """On processes of this machine; one is killed while its trial waits."""
    mark = dask_project.make(tmp_path, "{workers: 2}")
    run = subprocess.Popen(
        [sys.executable, "tune.py"], cwd=tmp_path, env=prefect, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    (trial,) = when(lambda: [int(pid) for pid, _, does in lines(mark) if does == "wait-once"][:1], run)
    started = family(psutil.Process(run.pid))
    assert {"127.0.0.1"} == {ip for ip, _ in listening(started)}
    assert 8787 not in {port for _, port in listening(started)}
    worker = psutil.Process(trial).ppid()
    assert worker not in {run.pid, os.getpid()}
    os.kill(worker, signal.SIGKILL)
    told, errors = run.communicate()
    assert (0, True) == (run.returncode, bool(told)), errors
    tuned = json.loads(told)
    with Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=tmp_path) as store:
        trials = json.loads(store.blobs.get(tuned["trials"]))["trials"]
    (lost,) = [item for item in trials if item["state"] == "lost"]
    assert [lost["params"]] == [item["params"] for item in trials if item["again"] == lost["number"]]
    assert {"complete": 4, "lost": 1} == tuned["counts"]
    assert not [each for each in started if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not [pid for pid, _, _ in lines(mark) if psutil.pid_exists(int(pid))]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster that runs already."""
    with dask_cluster.running(tmp_path_factory.mktemp("elsewhere")) as at:
        yield at


@on_dask
def test_a_killed_worker_loses_no_day_of_a_backfill(tmp_path: Path, prefect: dict[str, str], cluster: str) -> None:
    """On a cluster that runs already; a worker is killed while it reads its part of the source."""
    dask_project.make(tmp_path, f'{{workers: 2, address: "{cluster}"}}')
    (tmp_path / "hold").touch()
    command = [sys.executable, "-m", "headrace", "features", "backfill", "--from", "2024-01-01", "--to", "2024-03-01", "--json"]
    run = subprocess.Popen(command, cwd=tmp_path, env=prefect, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _planned, worker = when(
        lambda: [int(pid) for (pid,) in lines(tmp_path / "calls")][:2] if len(lines(tmp_path / "calls")) > 1 else [], run
    )
    assert worker != run.pid
    os.kill(worker, signal.SIGKILL)
    (tmp_path / "hold").unlink()
    told, errors = run.communicate()
    assert 0 == run.returncode, errors
    events = dask_project.DAYS * dask_project.A_DAY
    (view,) = json.loads(told)["views"]
    assert (60, 0, events) == (view["days"], view["unchanged_days"], view["events"])
    (kept,) = (tmp_path / ".headrace" / "online" / "dev").glob("*.db")
    with sqlite3.connect(kept) as connection:
        counted = "SELECT (SELECT COUNT(*) FROM event), (SELECT COUNT(*) FROM day), (SELECT COUNT(*) FROM again)"
        assert (events, 60, 0) == connection.execute(counted).fetchone()


def test_a_runner_whose_extra_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headrace.steps.dask_runner", None)
    with pytest.raises(HeadraceError, match="runner-missing") as caught:
        runner.dask(workers=2)
    assert ["help: pip install 'headrace[dask]'"] == caught.value.__notes__
