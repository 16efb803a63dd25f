"""A version that mirrors: asked after the answer, journalled beside it, and in nobody's way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.features.online.live import _requests
from headrace.journal import OutcomeRecord, Spool, reader, ship
from headrace.journal.mirrored import Pair, pairs
from headrace.store import clock
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
SHADOW = {"version": "latest", "share": 1.0, "queue": 1000}


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def shadowed(root: Path, **config: Any) -> Project:
    made = make_project(root, {"shadow": SHADOW | config})
    made.alias("champion", made.register_flaky(0.5))
    return made


def told(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/metadata").json()["shadow"]
    return found


def asked(client: TestClient, rows: int) -> None:
    """Wait until the shadow is through with so many."""
    until(lambda: (s := told(client))["answered"] + sum(s["dropped"].values()) == rows and s["waiting"] == 0)


def held(project: Project) -> list[Pair]:
    ship(project.store, project.spool)
    with project.store.read() as session:
        return list(pairs(session, MODEL))


def test_what_was_answered_is_asked_of_the_shadow_and_journalled_beside_it(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path)
    second = project.register_flaky(0.75)
    client = serve(project)
    one = client.post("/predict", json=ROW).json()
    batch = client.post("/predict/batch", json={"rows": [ROW | {"person_id": 8}, ROW | {"person_id": 9}]}).json()["predictions"]
    asked(client, 3)
    found = held(project)
    assert {one["id"], *(item["id"] for item in batch)} == {pair.id for pair in found}
    assert {("7", 0.5, second, 0.75), ("8", 0.5, second, 0.75), ("9", 0.5, second, 0.75)} == {
        (pair.entity, pair.output, pair.shadow_version, pair.shadow_output) for pair in found
    }
    assert "headrace_shadow_difference_sum" in client.get("/metrics").text


def test_a_shadow_that_fails_changes_no_answer_and_its_circuit_opens(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path)
    project.register_flaky(0.75, fail=1)
    client = serve(project)
    answers = []
    for number in range(40):
        answers.append(client.post("/predict", json=ROW | {"person_id": number}).json()["prediction"])
        asked(client, number + 1)
    seen = told(client)
    state = client.get("/metadata").json()["circuits"]["shadow"]["state"]
    assert ([0.5] * 40, "open", 10, {"open": 30}) == (answers, state, seen["failed"], seen["dropped"])
    assert all(pair.shadow_error is not None for pair in held(project))


def test_what_does_not_fit_the_queue_is_dropped_and_counted(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path, queue=2)
    project.register_flaky(0.75, delay=0.05)
    client = serve(project)
    rows = [ROW | {"person_id": number} for number in range(50)]
    assert 200 == client.post("/predict/batch", json={"rows": rows}).status_code
    asked(client, 50)
    dropped = told(client)["dropped"]["full"]
    assert (50, True) == (len(held(project)) + dropped, dropped >= 40)
    assert f'headrace_shadow_dropped_rows_total{{model="employment",reason="full"}} {dropped}.0' in client.get("/metrics").text


def test_a_share_is_a_share(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path, share=0.25)
    project.register_flaky(0.75)
    client = serve(project)
    rows = [ROW | {"person_id": number} for number in range(800)]
    client.post("/predict/batch", json={"rows": rows})
    client.post("/predict", json=ROW)
    until(lambda: told(client)["answered"] > 0 and told(client)["waiting"] == 0)
    found = len(held(project))
    # 800 draws of 1 in 4: 200, and 6 standard deviations are 74.
    assert 126 <= found <= 274


@pytest.mark.parametrize("which", ["v1", "champion", "nobody"])
def test_a_version_is_not_asked_what_it_answered_itself(tmp_path: Path, serve: Serve, which: str) -> None:
    project = shadowed(tmp_path, version=which)
    project.register_flaky(0.75)
    client = serve(project)
    client.post("/predict", json=ROW)
    seen = told(client)
    expected: tuple[Any, ...] = (None if which == "nobody" else 1, 0, 0, {}, [])
    assert expected == (seen["version"], seen["waiting"], seen["answered"], seen["dropped"], held(project))


def test_an_alias_that_moves_moves_the_shadow(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path, version="challenger")
    numbers = [project.register_flaky(value) for value in (0.6, 0.7)]
    client = serve(project)
    for number in numbers:
        project.alias("challenger", number)
        until(lambda number=number: told(client)["version"] == number)  # type: ignore[misc]
        client.post("/predict", json=ROW | {"person_id": number})
        asked(client, number - 1)
    assert list(zip(numbers, (0.6, 0.7), strict=True)) == [(pair.shadow_version, pair.shadow_output) for pair in held(project)]


def test_what_a_shadow_answered_is_no_request_no_label_and_no_training_row(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path)
    project.register_flaky(0.5)  # the same answer: it must not look like a repetition either
    client = serve(project)
    moment = clock.wall()
    for number in range(3):
        client.post("/predict", json=ROW | {"person_id": number})
    asked(client, 3)
    later = clock.wall() + timedelta(seconds=1)
    with_outcomes = Spool.open(project.spool)
    for number in range(3):
        with_outcomes.append(OutcomeRecord(MODEL, str(number), 1.0, later))
    with_outcomes.close()
    assert 3 == len(held(project))
    with project.store.read() as session:
        rows = session.exec(select(Prediction.arm)).all()
        assert {"champion": 3, "shadow": 3} == {arm: rows.count(arm) for arm in set(rows)}
        requests = reader.requests(session, MODEL, 0, 100)
        labelled = reader.labelled(session, MODEL, later)
        outcomes = reader.outcomes(session, MODEL, 0, 100, later)
        fresh = reader.new_labels(session, MODEL, moment - timedelta(days=1), later)
        live = _requests(session, MODEL, later)
    arms = {"requests": set(requests["arm"]), "labelled": set(labelled["arm"])}
    assert {"requests": {"champion"}, "labelled": {"champion"}} == arms
    assert [3, 3, 3, 3, 3] == [len(requests), len(labelled), len(outcomes), fresh, len(live)]


def test_a_shadow_counts_for_no_arm(tmp_path: Path, serve: Serve) -> None:
    project = shadowed(tmp_path)
    project.register_flaky(0.75, fail=1)
    epoch = project.weigh(1)
    client = serve(project)
    for number in range(5):
        client.post("/predict", json=ROW | {"person_id": number})
    asked(client, 5)
    totals = client.app.state.server.counter.totals()  # type: ignore[attr-defined]
    assert {(epoch, "champion", "error_rate"): (5, 0)} == {key: value for key, value in totals.items() if key[2] == "error_rate"}
