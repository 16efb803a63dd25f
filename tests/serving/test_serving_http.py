import contextlib
import json
import resource
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, SIGNATURE, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace import registry
from headrace.compiled import LimitsConfig
from headrace.journal import reader, ship
from headrace.serving.fast.gate import samples
from headrace.store import clock
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
WAYS = ("direct", "hot", "route")
MAX_BODY = LimitsConfig().body
NOON = datetime(2016, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(project: Project, serve: Serve) -> TestClient:
    project.alias("champion", project.register())
    return serve(project)


def journalled(project: Project) -> list[dict[str, object]]:
    ship(project.store, project.spool)
    with project.store.read() as session:
        return [row.model_dump() for row in session.exec(select(Prediction).order_by(Prediction.seq))]


def test_what_is_answered_is_journalled(project: Project, client: TestClient) -> None:
    told = client.post("/predict", json={**ROW, "education": "99"}).json()
    (row,) = journalled(project)
    expected = {
        "id": told["id"],
        "version": 1,
        "arm": "champion",
        "entity": "7",
        "output": told["prediction"],
        "error": None,
        "unseen": ["education"],
    }
    assert expected == {name: row[name] for name in expected}
    assert {"age": 46.0, "education": "99", "sex": "2"} == row["inputs"]


def test_what_is_refused_is_not_journalled(project: Project, client: TestClient) -> None:
    client.post("/predict", json={**ROW, "age": "x"})
    client.post("/predict/batch", json={"rows": [ROW, {}]})
    assert [] == journalled(project)


def test_a_batch_answers_as_its_rows_do(client: TestClient) -> None:
    rows = [{**ROW, "person_id": i, "age": i} for i in range(120)]
    single = [client.post("/predict", json=row).json() for row in rows]
    batch = client.post("/predict/batch", json={"rows": rows}).json()["predictions"]
    assert [one | {"id": ""} for one in single] == [one | {"id": ""} for one in batch]
    assert 120 == len({one["id"] for one in batch})


def test_outcomes_join_what_was_predicted(project: Project, client: TestClient) -> None:
    client.post("/predict", json=ROW)
    known = (clock.wall() + timedelta(seconds=5)).isoformat()
    told = client.post("/outcomes", json={"outcomes": [{"person_id": 7, "employed": 1, "known_at": known}]})
    ship(project.store, project.spool)
    with project.store.read() as session:
        frame = reader.labelled(session, MODEL, clock.wall() + timedelta(days=1))
    assert (202, {"accepted": 1}, ["7"], [1.0]) == (told.status_code, told.json(), list(frame["entity"]), list(frame["value"]))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_a_body_that_says_it_is_no_json_is_refused(client: TestClient, kind: str) -> None:
    told = client.post("/predict", content=json.dumps(ROW), headers={"Content-Type": kind})
    assert (415, "application/problem+json") == (told.status_code, told.headers["content-type"])
    assert "urn:headrace:not-json" == told.json()["type"]


@pytest.mark.parametrize("kind", [None, "application/json; charset=utf-8", "application/vnd.api+json"])
def test_json_by_any_of_its_names_is_taken(client: TestClient, kind: str | None) -> None:
    told = client.post("/predict", content=json.dumps(ROW), headers={} if kind is None else {"Content-Type": kind})
    assert 200 == told.status_code


def test_a_packed_body_is_refused_and_told_as_what(client: TestClient) -> None:
    told = client.post("/predict", content=json.dumps(ROW), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert (415, "urn:headrace:packed-body", True) == (
        told.status_code,
        told.json()["type"],
        "`Content-Encoding: gzip`" in told.json()["detail"],
    )
    plain = client.post("/predict", json=ROW, headers={"Content-Encoding": "identity"})
    assert 200 == plain.status_code


def test_a_body_is_refused_beyond_its_limit_declared_or_not(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 65536 + 1):
            yield b" " * 65536

    declared = client.post("/predict", content=b" " * (MAX_BODY + 1))
    streamed = client.post("/predict", content=chunks())
    assert [(413, "urn:headrace:too-large")] * 2 == [(told.status_code, told.json()["type"]) for told in (declared, streamed)]


def test_an_unknown_path_and_a_wrong_method_are_problems_too(client: TestClient) -> None:
    told = [client.get("/nope"), client.get("/predict")]
    assert [(404, "urn:headrace:no-such-route"), (405, "urn:headrace:method-not-allowed")] == [
        (t.status_code, t.json()["type"]) for t in told
    ]
    assert "POST" == told[1].headers["allow"]
    assert all(path in told[0].json()["detail"] for path in ("/predict,", "/predict/batch,", "/health/ready,", "/metadata,"))
    assert "/predict is asked by POST" == told[1].json()["detail"]


def test_an_event_time_is_refused_while_the_clock_runs_with_the_wall(client: TestClient) -> None:
    told = client.post("/predict", json=ROW, headers={"Headrace-Time": NOON.isoformat()})
    assert (400, "urn:headrace:time-refused") == (told.status_code, told.json()["type"])


def test_a_driven_clock_gives_the_time_and_a_request_may_say_its_own(project: Project, client: TestClient) -> None:
    clock.drive(project.store, "test", NOON)
    # The first request may come before the server has looked again: it looks by itself.
    own = client.post("/predict", json=ROW, headers={"Headrace-Time": (NOON + timedelta(hours=1)).isoformat()})
    given = client.post("/predict", json=ROW)
    client.post("/outcomes", json={"outcomes": [{"person_id": 7, "employed": 1}]})
    times = [row["at"] for row in journalled(project)]
    assert ([200, 200], [NOON + timedelta(hours=1), NOON]) == ([own.status_code, given.status_code], times)
    with project.store.read() as session:
        assert [NOON] == list(reader.labelled(session, MODEL, NOON + timedelta(days=1))["known_at"])


@pytest.mark.parametrize("header", ["yesterday", "2016-03-01T12:00:00", "9999-12-31T23:59:59-23:00"])
def test_an_event_time_is_a_time_with_its_zone(project: Project, client: TestClient, header: str) -> None:
    clock.drive(project.store, "test", NOON)
    told = client.post("/predict", json=ROW, headers={"Headrace-Time": header})
    assert (400, "urn:headrace:time-invalid") == (told.status_code, told.json()["type"])


def test_production_takes_no_event_time_even_under_a_driven_clock(tmp_path: Path, serve: Serve) -> None:
    made = make_project(tmp_path, workspace={"production": True})
    made.alias("champion", made.register())
    clock.drive(made.store, "test", NOON)
    told = serve(made).post("/predict", json=ROW, headers={"Headrace-Time": NOON.isoformat()})
    assert (400, "urn:headrace:time-refused") == (told.status_code, told.json()["type"])


def test_a_spool_that_cannot_be_written_answers_nothing_and_is_not_ready(project: Project, client: TestClient) -> None:
    server = client.app.state.server  # type: ignore[attr-defined]
    server._spool.close()
    told = [client.post("/predict", json=ROW), client.post("/outcomes", json={"outcomes": [{"person_id": 7, "employed": 1}]})]
    assert [(503, "urn:headrace:journal-unwritable")] * 2 == [(t.status_code, t.json()["type"]) for t in told]
    for segment in project.spool.iterdir():
        segment.unlink()
    project.spool.rmdir()
    ready = client.get("/health/ready")
    assert (503, "urn:headrace:not-ready", True) == (ready.status_code, ready.json()["type"], "spool: " in ready.json()["detail"])
    assert 'headrace_errors_total{model="employment",part="spool"} 2.0' in client.get("/metrics").text


def test_a_disk_that_takes_no_byte_keeps_no_file_of_the_probe(project: Project, client: TestClient) -> None:
    server = client.app.state.server  # type: ignore[attr-defined]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # a file may be made, and nothing written to it
    try:
        with pytest.raises(OSError, match="File too large"):
            server._try_spool()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [] == list(project.spool.glob(".probe-*"))


def test_a_store_that_cannot_tell_the_time_refuses_a_request_that_names_its_own(project: Project, client: TestClient) -> None:
    with contextlib.closing(sqlite3.connect(project.root / ".headrace" / "state.db")) as database:
        database.execute("ALTER TABLE clock RENAME TO gone")
    told = client.post("/predict", json=ROW, headers={"Headrace-Time": NOON.isoformat()})
    assert (503, "urn:headrace:clock-unknown") == (told.status_code, told.json()["type"])


def test_a_fault_of_the_server_itself_is_told_without_its_words(client: TestClient) -> None:
    client.app.state.server.schema = None  # type: ignore[attr-defined]
    told = TestClient(client.app, raise_server_exceptions=False).post("/predict", json=ROW)
    assert (500, "urn:headrace:bug", "application/problem+json") == (told.status_code, told.json()["type"], told.headers["content-type"])
    assert "NoneType" not in told.text


def test_a_thread_that_ended_makes_the_process_not_live(client: TestClient) -> None:
    server = client.app.state.server  # type: ignore[attr-defined]
    server._follower.end()
    server._follower.join()
    told = client.get("/health/live")
    assert (503, "urn:headrace:not-live") == (told.status_code, told.json()["type"])


def test_a_thread_that_is_stuck_makes_the_process_not_live(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.serving.server.SILENCE", -1.0)
    assert "stuck" in client.get("/health/live").json()["detail"]


def test_metadata_says_what_answers_and_how_far_the_store_has_heard(client: TestClient) -> None:
    client.post("/predict", json=ROW)
    told = client.get("/metadata").json()
    names = ("model", "project", "versions", "weights", "epoch", "entity", "refused", "barred")
    assert ("employment", "labour", {"champion": 1}, {"champion": 1.0}, 0, "person_id", [], None) == tuple(told[name] for name in names)
    assert {"name": "age", "type": "number", "low": 0.0, "high": 120.0} == told["inputs"][0]
    assert told["unshipped"] > 0


def test_metadata_names_what_each_arm_is_by_its_digests_and_what_it_takes(project: Project, client: TestClient) -> None:
    told = client.get("/metadata").json()["releases"]["champion"]
    with project.store.read() as session:
        version, card = registry.get(session, MODEL, 1), registry.card_of(session, MODEL, 1)
    expected = {
        "version": 1,
        "card": {"card_version": 1, "digest": card.digest, "status": "draft"},
        "inputs": [
            {"name": "age", "type": "number", "low": 0.0, "high": 120.0},
            {"name": "education", "type": "category", "categories": 3},
            {"name": "sex", "type": "category", "categories": 2},
        ],
        "task": "binary",
        "parity": {"drawn": len(samples(SIGNATURE)), "stored": 0},
        "algorithm": "lightgbm.classifier",
        "format": "lightgbm-text",
        "created_at": version.created_at.isoformat(),
        "digests": {**version.manifest["digests"], "model": version.model_digest, "manifest": version.manifest_digest},
    }
    assert expected == told
    assert {"data", "spec", "code", "environment", "model", "manifest"} == set(told["digests"])


def test_metrics_count_by_arm_version_and_status(client: TestClient) -> None:
    client.post("/predict", json={**ROW, "sex": "9"})
    client.post("/predict", json={})
    text = client.get("/metrics").text
    expected = [
        'headrace_predictions_total{arm="champion",model="employment",status="ok",version="1"} 1.0',
        'headrace_unseen_total{input="sex",model="employment"} 1.0',
        'headrace_refused_requests_total{model="employment",status="422"} 1.0',
        'headrace_prediction_seconds_count{arm="champion",model="employment",version="1"} 1.0',
        'headrace_swaps_total{model="employment"} 1.0',
    ]
    assert expected == [line for line in expected if line in text]


def test_the_openapi_document_names_every_route_and_every_reference_resolves(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    routes = {route.path.replace("{name}", MODEL) for route in client.app.behind.routes}  # type: ignore[attr-defined]
    # A path with a `/` at its end is the protocol's other spelling.
    undescribed = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/v2/"}
    assert routes - undescribed == set(document["paths"])
    assert names <= set(document["components"]["schemas"])
    assert 200 == client.get("/docs").status_code
