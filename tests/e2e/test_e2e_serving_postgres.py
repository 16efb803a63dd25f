"""A server whose store is a PostgreSQL that stops answering: dead, or frozen."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres, running
from serving_process import MODEL, Hammer, project, served, until
from sqlmodel import select

from headrace.journal import unshipped
from headrace.store import EventKind, Store, events, tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running() as made:
        yield made


@pytest.mark.parametrize("how", ["dead", "frozen"])
def test_a_store_that_is_away_stops_neither_answers_nor_an_abort(tmp_path: Path, postgres: Postgres, how: str) -> None:
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
        until(lambda: "degraded" not in server.request("GET", "/health/ready")[1], 40)
        until(lambda: server.metadata()["unflushed"] == 0, 40)
        made.store = Store.open(postgres.url, ".headrace/blobs", root=made.root)
        until(lambda: unshipped(made.store, made.spool) == 0, 40)
        with made.store.read() as session:
            aborts = events.log(session, MODEL, {EventKind.ROLLOUT_ABORTED})
            kept = set(session.exec(select(tables.Prediction.id)))
    assert ([], True) == (load.failed, acted < 2.0)
    assert ({"champion": champion}, None, candidate) == (told["versions"], told["unshipped"], told["barred"])
    assert (200, "degraded", True) == (ready[0], ready[1]["checks"]["store"], bool(ready[1]["degraded"]["store"]))
    assert [candidate] == [event.payload["candidate"] for event in aborts]
    assert {one["id"] for one in load.answered} <= kept
