"""On workers of Dask: one is killed in the midst of a batch, the run itself ends and is taken up, and what is lost is done by another."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import psutil
import pytest
from batch_world import left, opened, order, rows, source

import dask_cluster
from headrace.batch import Progress
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.steps import runner
from headrace.steps.batch.carry import scored

ROWS, CHUNK = 2000, 50


class EndedError(Exception):
    """What stands for the end of a run, in this process."""


def workers(cluster: Any) -> dict[str, int]:
    """The processes of a cluster's workers, by their addresses."""
    return dict(cluster.client.run(os.getpid))


def gone(pids: list[int]) -> bool:
    """Whether none of these processes runs; that of a worker which was killed may not be reaped yet."""
    return not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_a_killed_worker_loses_no_row_and_none_is_there_twice(tmp_path: Path) -> None:
    """The first run ends after some of its chunks; the second takes it up, and loses a worker with a chunk in its hands."""
    with opened() as place:
        rows(ROWS).to_parquet(tmp_path / "rows.parquet", row_group_size=300)
        config = source(tmp_path / "rows.parquet")
        usual = scored(place, order(config, str(tmp_path / "here.parquet"), chunk=CHUNK), lambda _: None)
        seen: set[int] = set()
        told: list[Progress] = []

        def asked(cluster: Any) -> Any:
            return order(config, str(tmp_path / "out.parquet"), chunk=CHUNK, workers=2, runner=cluster, unfinished="settle")

        first = runner.dask(workers=2)

        def end(now: Progress) -> None:
            if now.done >= ROWS // 4:
                seen.update(workers(first).values())
                raise EndedError

        with pytest.raises(EndedError):
            scored(place, asked(first), end)
        assert (2, True) == (len(seen), gone(list(seen)))

        second = runner.dask(workers=2)
        killed: list[str] = []

        def kill(now: Progress) -> None:
            told.append(now)
            if now.done >= ROWS // 2 and not killed:
                there = workers(second)
                seen.update(there.values())
                killed.append(lose(second, there))

        done = scored(place, asked(second), kill)
        assert (1, True) == (len(killed), gone(list(seen)))
        assert (usual.digest, ROWS, []) == (done.digest, done.good, left(place))
        assert list(range(ROWS)) == list(pd.read_parquet(tmp_path / "out.parquet")["id"])
        assert ROWS // 4 <= done.resumed < ROWS // 2
        assert [done.resumed, *range(done.resumed + CHUNK, ROWS + CHUNK, CHUNK), ROWS] == [now.done for now in told]
        assert sorted(now.percent for now in told) == [now.percent for now in told]


def lose(cluster: Any, there: dict[str, int]) -> str:
    """Kill a worker that has a chunk in its hands, and wait until the cluster has seen it."""
    for address, pid in there.items():
        os.kill(pid, signal.SIGSTOP)  # what it has it keeps
        if cluster.client.processing()[address]:
            os.kill(pid, signal.SIGKILL)
            while address in cluster.client.scheduler_info(n_workers=-1)["workers"]:
                time.sleep(0.02)
            return address
        os.kill(pid, signal.SIGCONT)
    raise AssertionError(there)


@pytest.mark.slow
def test_a_cluster_at_an_address_writes_the_same_and_a_killed_worker_of_it_loses_nothing(tmp_path: Path) -> None:
    """Workers that somebody else has started, in another folder; one of them is killed with a chunk in its hands."""
    (tmp_path / "elsewhere").mkdir()
    with opened() as place, dask_cluster.running(tmp_path / "elsewhere") as address:
        rows(ROWS).to_parquet(tmp_path / "rows.parquet", row_group_size=300)
        config = source(tmp_path / "rows.parquet")
        usual = scored(place, order(config, str(tmp_path / "here.parquet"), chunk=CHUNK), lambda _: None)
        cluster = runner.dask(workers=2, address=address)
        seen: dict[str, int] = {}
        killed: list[str] = []

        def kill(now: Progress) -> None:
            if now.done >= ROWS // 2 and not killed:
                seen.update(workers(cluster))
                killed.append(lose(cluster, seen))

        done = scored(place, order(config, str(tmp_path / "out.parquet"), chunk=CHUNK, workers=2, runner=cluster), kill)
        assert (usual.digest, ROWS, 1, []) == (done.digest, done.good, len(killed), left(place))
        own = {child.pid for child in psutil.Process().children()}
        assert not own & set(seen.values())  # it used the workers that were there
        assert [pid for at, pid in seen.items() if at not in killed and psutil.pid_exists(pid)]  # and left them running


def odd(item: int) -> int:
    """One that kills whoever has it, and one that is at fault."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 2:
        raise HeadraceError(Diagnostic("input-changed", "no two"))
    return item


@pytest.mark.slow
def test_work_that_kills_its_workers_is_given_up() -> None:
    """What is at fault raises what it raises; what workers die of is told, and does not kill workers for ever."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), runner.dask(workers=1) as cluster:
        assert [] == list(cluster.each(odd, [], at_once=2))
        assert cluster._client is None
        assert [1, 4, 5] == sorted(cluster.each(odd, [1, 4, 5], at_once=2))
        with pytest.raises(HeadraceError, match="no two"):
            list(cluster.each(odd, [1, 2], at_once=1))
        with pytest.raises(HeadraceError, match="worker-died"):
            list(cluster.each(odd, [3], at_once=1))
