"""A store, and events, that are gone or silent: who waits for them, how long, and what goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from hanging import Between
from serving_project import CONFIG, MODEL, ROW, WORKSPACE, Project
from serving_project import project as make_project
from test_serving_online import COLUMNS, ONLY, VIEW, happened, materialize

from headrace.store import Store, clock

Serve = Callable[[Project], TestClient]

HUNG = 1.0
"""Seconds that the first requests wait for what is silent, as `line` and `server` have them."""


@pytest.fixture
def between(postgres_server: Path, postgres: str) -> Iterator[tuple[Between, str]]:
    with TemporaryDirectory(dir="/tmp") as folder:
        made = Between(Path(folder), postgres_server)
        yield made, postgres.partition("?")[0] + f"?host={folder}"
        made.cut()


@pytest.fixture
def online(tmp_path: Path, between: tuple[Between, str]) -> tuple[Project, Between]:
    """A project whose server reads features from a PostgreSQL that can be made to hang."""
    inputs = [item | ({"column": None, "view": "jobs"} if item["name"] != "sex" else {}) for item in CONFIG["inputs"]]
    columns = {name: {"from": name, "type": kind} for name, kind in COLUMNS.items()}
    source = {"uri": "jobs.parquet", "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": []}
    workspace = {"sources": {"jobs": source}, "views": {"jobs": VIEW}, "online": between[1]}
    project = make_project(tmp_path, {**CONFIG, "inputs": inputs}, {**WORKSPACE, **workspace})
    project.alias("champion", project.register())
    happened(clock.wall()).to_parquet(tmp_path / "jobs.parquet")
    materialize(project)
    return project, between[0]


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.05)


def circuit(client: TestClient, name: str) -> str:
    found: str = client.get("/metadata").json()["circuits"][name]["state"]
    return found


def slowest(client: TestClient, body: dict[str, Any], times: int) -> tuple[float, set[int]]:
    """The longest that one of so many requests took, and their statuses."""
    longest, statuses = 0.0, set()
    for _ in range(times):
        started = time.monotonic()
        statuses.add(client.post("/predict", json=body).status_code)
        longest = max(longest, time.monotonic() - started)
    return longest, statuses


@pytest.mark.parametrize("fault", ["gone", "silent"])
def test_events_that_cannot_be_reached_keep_no_request_waiting(online: tuple[Project, Between], serve: Serve, fault: str) -> None:
    project, between = online
    client = serve(project)
    assert ("closed", 200) == (circuit(client, "online/jobs"), client.post("/predict", json=ONLY).status_code)
    if fault == "gone":
        between.go()
    else:
        between.silent.set()
    assert 503 == client.post("/predict", json=ONLY).status_code  # it is found out by this one
    longest, statuses = slowest(client, ONLY, 20)
    # Any one that waited for the database would have waited for all of its patience.
    assert ({503}, True) == (statuses, longest < HUNG)
    # What needs no event is answered all the same.
    assert 200 == client.post("/predict", json=ROW).status_code
    state = client.get("/metadata").json()["circuits"]["online/jobs"]
    assert (True, True) == (state["state"] != "closed", bool(state["reason"]))
    assert 'headrace_circuit{dependency="online/jobs",model="employment",state="closed"} 0.0' in client.get("/metrics").text
    if fault == "gone":
        between.come()
    else:
        between.speak()
    until(lambda: circuit(client, "online/jobs") == "closed")
    assert 200 == client.post("/predict", json=ONLY).status_code


@pytest.mark.parametrize("fault", ["gone", "silent"])
def test_a_store_that_cannot_be_reached_keeps_no_request_waiting(
    tmp_path: Path, between: tuple[Between, str], serve: Serve, fault: str
) -> None:
    wire, url = between
    project = make_project(tmp_path, None, {"store": url})
    project.alias("champion", project.register())
    client = serve(project)
    if fault == "gone":
        wire.go()
    else:
        wire.silent.set()
    until(lambda: circuit(client, "store") != "closed")
    longest, statuses = slowest(client, ROW, 20)
    asked = {"/health/ready": 200, "/v2/health/ready": 200, "/metadata": 200, "/metrics": 200}
    started = time.monotonic()
    assert asked == {path: client.get(path).status_code for path in asked}
    assert ({200}, True, True) == (statuses, longest < HUNG, time.monotonic() - started < HUNG)
    # Ready is whether a prediction is answered; what is degraded is told beside it.
    told = client.get("/health/ready").json()
    assert ("ready", "degraded", "ok", True) == (
        told["status"],
        told["checks"]["store"],
        told["checks"]["spool"],
        bool(told["degraded"]["store"]),
    )
    assert 503 == client.post("/predict", json=ROW, headers={"Headrace-Time": "2024-01-01T00:00:00Z"}).status_code
    loading = client.post(f"/v2/repository/models/{MODEL}/load")
    assert (503, "1", "not-loaded") == (loading.status_code, loading.headers["retry-after"], loading.json()["error"].partition(":")[0])
    assert 200 == client.post("/predict", json=ROW).status_code
    if fault == "gone":
        wire.come()
    else:
        wire.speak()
    until(lambda: circuit(client, "store") == "closed" and "degraded" not in client.get("/health/ready").json())


def test_concurrent_requests_open_no_more_connections_than_two_a_view(
    postgres: str, online: tuple[Project, Between], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("READ_PATIENCE", "PUSH_PATIENCE"):
        monkeypatch.setattr(f"headrace.serving.online.{name}", 30.0)  # a busy machine is slow, and what is slow is cut and opened again
    project, between = online
    before = between.opened
    client = serve(project)
    event = {"events": [{"person_id": 7, "at": "2024-01-01T00:00:00Z"}]}
    with ThreadPoolExecutor(32) as pool:
        done = list(pool.map(lambda n: client.post("/predict", json=ONLY | {"person_id": n % 3 + 7}).status_code, range(200)))
        done += pool.map(lambda _: client.post("/events/jobs", json=event).status_code - 2, range(20))
    with psycopg.connect(postgres) as asking:
        (open_now,) = asking.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone() or (0,)
    assert ({200}, True, True) == (set(done), between.opened - before <= 2, open_now - 1 <= 2)


def test_a_process_opens_no_more_than_fifteen_connections_to_its_store(tmp_path: Path, between: tuple[Between, str]) -> None:
    store = Store.open(between[1], "blobs", root=tmp_path)
    inside, most, lock, full = 0, 0, threading.Lock(), threading.Event()

    def read(_: int) -> None:
        nonlocal inside, most
        with store.read() as session:
            session.connection()
            with lock:
                inside += 1
                most = max(most, inside)
                if inside == 15:
                    full.set()
            assert full.wait(30)
            time.sleep(0.02)  # a sixteenth would come now
            with lock:
                inside -= 1

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(read, range(80)))
    store.close()
    assert 15 == most
