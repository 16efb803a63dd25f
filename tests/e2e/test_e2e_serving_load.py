"""A served model under load: nothing fails while versions move, and nothing that was acknowledged is lost."""

import signal
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
from serving_process import CONFIG, MODEL, ROW, Hammer, Served, project, served, until
from sqlmodel import col, select

from headrace.compiled import ServingConfig
from headrace.journal import ship, unshipped
from headrace.serving.judge import watch
from headrace.stats.eprocess import Stratum
from headrace.store import EventKind, events, tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_no_request_fails_while_the_champion_moves_under_load(tmp_path: Path) -> None:
    made = project(tmp_path)
    first, second = made.register(0), made.register(1)
    made.alias("champion", first)
    with served(made) as server, Hammer(server.port) as load:
        for turn in range(6):
            more = len(load.answered) + 60  # three times each, so that over 100 are of each whatever the host is at
            until(lambda more=more: len(load.answered) > more)  # type: ignore[misc]
            made.alias("champion", (second, first)[turn % 2])
            until(lambda turn=turn: server.answers_as(champion=(second, first)[turn % 2]))  # type: ignore[misc]
    versions = Counter(one["version"] for one in load.answered)
    assert [] == load.failed
    assert {first, second} == set(versions)
    assert min(versions.values()) > 100


def test_every_answer_is_of_one_whole_version(tmp_path: Path) -> None:
    made = project(tmp_path)
    first, second = made.register_flaky(0.25), made.register_flaky(0.75)
    made.alias("champion", first)
    with served(made) as server, Hammer(server.port) as load:
        time.sleep(0.3)
        made.weigh(first, second, 0.4)
        until(lambda: server.answers_as(champion=first, candidate=second))
        until(lambda: {first, second} == {one["version"] for one in list(load.answered)})
        time.sleep(0.3)
    assert [] == load.failed
    told = {(one["version"], one["arm"], one["prediction"]) for one in load.answered}
    assert {(first, "champion", 0.25), (second, "candidate", 0.75)} == told


def test_a_kill_loses_no_acknowledged_prediction_and_doubles_none(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    acknowledged: list[str] = []
    for _ in range(2):
        with served(made) as server, Hammer(server.port, threads=3) as load:
            until(lambda load=load: len(load.answered) > 500, 60)
            server.kill()
        acknowledged += [one["id"] for one in load.answered]
    ship(made.store, made.spool)
    until(lambda: unshipped(made.store, made.spool) == 0)
    with made.store.read() as session:
        kept = list(session.exec(select(tables.Prediction.id)))
    assert len(acknowledged) > 1000
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept))
    # At most what was under way when it was killed, one a connection, was journalled and never acknowledged.
    assert len(kept) - len(acknowledged) <= 6


def test_sigterm_under_load_drains_flushes_and_ends_within_two_seconds(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    made.weigh(1)
    with served(made) as server, Hammer(server.port) as load:
        time.sleep(1)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(60)
        took = time.monotonic() - started
    until(lambda: unshipped(made.store, made.spool) == 0)
    with made.store.read() as session:
        kept = set(session.exec(select(tables.Prediction.id)))
        counted = sum(row.n for row in session.exec(select(tables.TrafficCount).where(tables.TrafficCount.metric == "error_rate")))
    assert (0, True) == (code, took < 2.0)
    assert {one["id"] for one in load.answered} <= kept
    assert counted == len(kept)


def test_a_candidate_that_fails_on_one_row_in_ten_is_aborted_within_a_second_of_the_evidence(tmp_path: Path) -> None:
    made = project(tmp_path)
    champion, candidate = made.register_flaky(0.25), made.register_flaky(0.75, fail=10)
    made.alias("champion", champion)
    made.alias("candidate", candidate)
    made.weigh(champion, candidate, 0.2)

    def aborts() -> list[tuple[int, str | None]]:
        with made.store.read() as session:
            return [(event.payload["candidate"], event.successor) for event in events.log(session, MODEL, {EventKind.ROLLOUT_ABORTED})]

    with served(made) as server:
        with Hammer(server.port) as load:
            until(lambda: aborts() == [(candidate, "roll_out")])
            until(lambda: server.answers_as(champion=champion))
            time.sleep(0.3)
        until(lambda: unshipped(made.store, made.spool) == 0)
    assert [] == load.failed
    assert [] == [one for one in load.answered if "error" in one]
    with made.store.read() as session:
        rows = list(session.exec(select(tables.Prediction).order_by(col(tables.Prediction.seq))))
    evident, last = moment_of_evidence(rows), max(row.recorded_at for row in rows if row.arm == "candidate")
    assert timedelta(0) <= last - evident < timedelta(seconds=1)
    assert {"RuntimeError: this row breaks the candidate"} == {row.error for row in rows if row.error is not None}


def moment_of_evidence(rows: Sequence[tables.Prediction]) -> datetime:
    """When the counts sufficed for the first time, had they been looked at with every request."""
    rules = watch(ServingConfig.model_validate(CONFIG))
    assert rules is not None
    stepped_in = {row.entity for row in rows if row.arm == "candidate"}
    n, bad, others = 0, 0, 0
    for row in rows:
        if row.arm == "candidate":
            n, bad = n + 1, bad + (row.error is not None)
        elif row.entity not in stepped_in:
            others += 1
        if row.error is not None and rules.verdict({"error_rate": [Stratum(0.2, n, bad, others, 0)]}) is not None:
            return row.recorded_at
    raise AssertionError("there never was enough evidence")


def test_a_shipper_that_died_is_started_again(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    with served(made) as server:
        (shipper,) = until_children(server)
        shipper.kill()
        server.request("POST", "/predict", ROW)
        until(lambda: server.metadata()["unshipped"] == 0)
        (again,) = until_children(server)
        assert again.pid != shipper.pid
    until(lambda: not again.is_running())


def test_a_killed_server_takes_its_shipper_with_it(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    with served(made) as server:
        (shipper,) = until_children(server)
        server.kill()
        until(lambda: not shipper.is_running())


def until_children(server: Served) -> list[psutil.Process]:
    parent = psutil.Process(server.process.pid)
    found: list[psutil.Process] = []

    def one() -> bool:
        """Those that were looked at are those that are given: a moment later there may be others."""
        found[:] = [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]
        return len(found) == 1

    until(one)
    return found


def test_an_altered_model_is_never_loaded_and_the_old_one_goes_on_under_load(tmp_path: Path) -> None:
    made = project(tmp_path)
    first, second = made.register(0), made.register(1)
    made.alias("champion", first)
    blob = made.blob(second)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    with served(made) as server, Hammer(server.port) as load:
        made.alias("champion", second)
        until(lambda: server.metadata()["refused"] != [])
        time.sleep(0.3)
        told = server.metadata()
        ready = server.request("GET", "/health/ready")[0]
    assert [] == load.failed
    assert {first} == {one["version"] for one in load.answered}
    assert ({"champion": first}, "artifact-altered", 200) == (told["versions"], told["refused"][0]["id"], ready)
    assert b"refused[artifact-altered]" in server.log.read_bytes()
