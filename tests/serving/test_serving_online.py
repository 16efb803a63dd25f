"""A request that carries only who it is about: features read from events, as of its moment, and events told over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from serving_project import CONFIG, MODEL, WORKSPACE, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.compiled import ServingConfig, WorkspaceConfig, read
from headrace.diagnostics import HeadraceError, Report
from headrace.features import Origins, online
from headrace.hooks import load_plugins
from headrace.journal import ship
from headrace.store import clock
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
ONLY: dict[str, Any] = {"person_id": 7, "sex": "2"}
FEATURE = {"over_seconds": None, "where": None, "empty": None, "expires_seconds": None, "type": "number"}
VIEW: dict[str, Any] = {
    "source": "jobs",
    "entity": "person_id",
    "time": "at",
    "available_at": None,
    "available_after_seconds": 0,
    "late_seconds": None,
    "window_edges": "(t-w, t]",
    "tie_break": [],
    "features": {
        "age": {**FEATURE, "kind": "sum", "of": "years", "over_seconds": 7 * 86400, "empty": 0.0},
        "education": {**FEATURE, "kind": "last", "of": "level", "type": "category"},
    },
    "online": {"fresh_within_seconds": 3 * 86400, "when_stale": "answer", "sent": "refuse"},
}
COLUMNS = {"person_id": "int64", "at": "timestamp", "years": "float", "level": "category"}


def happened(now: datetime) -> pd.DataFrame:
    """Person 7: ten years two days ago, four ten days ago; person 8 long ago."""
    return pd.DataFrame(
        {
            "person_id": [7, 7, 8],
            "at": pd.to_datetime([now - timedelta(days=2), now - timedelta(days=10), now - timedelta(days=100)], utc=True),
            "years": [10.0, 4.0, 50.0],
            "level": ["21", "19", "16"],
        }
    )


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Project]:
    def make(**of_online: Any) -> Project:
        inputs = [item | ({"column": None, "view": "jobs"} if item["name"] != "sex" else {}) for item in CONFIG["inputs"]]
        columns = {name: {"from": name, "type": kind} for name, kind in COLUMNS.items()}
        source = {"uri": "jobs.parquet", "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": []}
        view = VIEW | {"online": VIEW["online"] | of_online}
        found = make_project(tmp_path, {**CONFIG, "inputs": inputs}, {**WORKSPACE, "sources": {"jobs": source}, "views": {"jobs": view}})
        found.alias("champion", found.register())
        happened(clock.wall()).to_parquet(tmp_path / "jobs.parquet")
        return found

    return make


def materialize(project: Project) -> None:
    config = read(WorkspaceConfig, project.config.parent / "headrace.json")
    origins = Origins(project.root, config.sources, load_plugins(None, Report(), allow=[]).readers)
    online.materialize(origins, online.definition_of(origins, config.views, "jobs"), config.online, clock.wall())


def journalled(project: Project) -> list[Prediction]:
    ship(project.store, project.spool)
    with project.store.read() as session:
        return list(session.exec(select(Prediction).order_by(Prediction.seq)))


def test_only_the_entity_is_enough(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    client = serve(project)
    told = client.post("/predict", json=ONLY).json()
    assert told["prediction"] == client.post("/predict", json={**ONLY, "age": 10.0, "education": "21"}).json()["prediction"]
    first, second = journalled(project)
    assert {"age": 10.0, "education": "21", "sex": "2"} == first.inputs == second.inputs
    assert [] == told["unseen"] == first.unseen


def test_how_young_the_events_are_is_told(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    client = serve(project)
    told = client.post("/predict", json=ONLY).json()["freshness"]["jobs"]
    assert (False, True) == (told["stale"], 2 * 86400 <= told["age_seconds"] < 2 * 86400 + 600)
    assert {"newest_event", "age_seconds", "watermark", "stale"} == set(told)
    assert "freshness" not in client.post("/predict", json={**ONLY, "age": 10.0, "education": "21"}).json()


def test_of_an_entity_without_events_is_what_empty_says(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    told = serve(project).post("/predict", json={"person_id": 99, "sex": "1"}).json()
    assert ["person_id"] == told["unseen"]
    (row,) = journalled(project)
    assert ({"age": 0.0, "education": None, "sex": "1"}, ["person_id"]) == (row.inputs, row.unseen)


def test_some_of_a_view_is_refused_unless_it_is_declared(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    refused = serve(project).post("/predict/batch", json={"rows": [ONLY, {**ONLY, "age": 3}]})
    assert 422 == refused.status_code
    assert "urn:headrace:mixed-features" == refused.json()["type"]
    assert ["rows[1].education"] == [item["field"] for item in refused.json()["errors"]]
    assert [] == journalled(project)


def test_what_is_sent_stands_before_what_is_read_where_that_is_declared(made: Callable[..., Project], serve: Serve) -> None:
    project = made(sent="wins")
    materialize(project)
    assert 200 == serve(project).post("/predict", json={**ONLY, "age": 3}).status_code
    assert {"age": 3.0, "education": "21", "sex": "2"} == journalled(project)[0].inputs


def test_a_batch_reads_each_of_its_rows(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    rows = [ONLY, {"person_id": 8, "sex": "2"}, {"person_id": 9, "sex": "2", "age": 1.0, "education": None}]
    told = serve(project).post("/predict/batch", json={"rows": rows}).json()["predictions"]
    assert [True, True, False] == ["freshness" in item for item in told]
    assert [(10.0, "21"), (0.0, "16"), (1.0, None)] == [(row.inputs["age"], row.inputs["education"]) for row in journalled(project)]


def test_events_that_were_not_brought_in_are_not_guessed_at(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    client = serve(project)
    refused = client.post("/predict", json=ONLY)
    assert (503, "urn:headrace:features-not-ready") == (refused.status_code, refused.json()["type"])
    assert "`headrace features materialize jobs`" in refused.json()["detail"]
    assert (503, True) == ((ready := client.get("/health/ready")).status_code, "online: " in ready.json()["detail"])
    assert 200 == client.post("/predict", json={**ONLY, "age": 10.0, "education": "21"}).status_code
    materialize(project)
    assert (200, 200) == (client.post("/predict", json=ONLY).status_code, client.get("/health/ready").status_code)


@pytest.mark.parametrize(("when", "status"), [("answer", 200), ("refuse", 503)])
def test_old_events_are_told_of_or_refused(made: Callable[..., Project], serve: Serve, when: str, status: int) -> None:
    project = made(fresh_within_seconds=3600, when_stale=when)
    materialize(project)
    answer = serve(project).post("/predict", json=ONLY)
    assert status == answer.status_code
    if status == 200:
        assert answer.json()["freshness"]["jobs"]["stale"]
    else:
        assert "urn:headrace:features-stale" == answer.json()["type"]


def test_an_event_that_was_told_is_read_at_once_and_after_a_restart(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    client = serve(project)
    event = {"person_id": 7, "at": (clock.wall() - timedelta(hours=1)).isoformat(), "years": 5, "level": 16}
    assert {"accepted": 2, "added": 2, "late": 0} == client.post("/events/jobs", json={"events": [event, event]}).json()
    again = client.post("/events/jobs", json={"events": [event]})
    assert (202, {"accepted": 1, "added": 0, "late": 0}) == (again.status_code, again.json())
    client.post("/predict", json=ONLY)
    serve(project).post("/predict", json=ONLY)
    assert [(20.0, "16")] * 2 == [(row.inputs["age"], row.inputs["education"]) for row in journalled(project)]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"at": "2024-01-01T00:00:00Z"}, "events[0].person_id"),
        ({"person_id": 7}, "events[0].at"),
        ({"person_id": 7, "at": "2024-01-01T00:00:00"}, "events[0].at"),
        ({"person_id": 7, "at": "2024-01-01T00:00:00Z", "years": "many"}, "events[0].years"),
        ({"person_id": 7, "at": "2024-01-01T00:00:00Z", "wage": 1}, "events[0].wage"),
        ({"person_id": "seven", "at": "2024-01-01T00:00:00Z"}, "events[0].person_id"),
    ],
)
def test_an_event_that_is_none_is_refused(made: Callable[..., Project], serve: Serve, event: dict[str, Any], field: str) -> None:
    refused = serve(made()).post("/events/jobs", json={"events": [event]})
    assert (422, [field]) == (refused.status_code, [item["field"] for item in refused.json()["errors"]])


def test_events_of_another_view_are_refused(made: Callable[..., Project], serve: Serve) -> None:
    client = serve(made())
    refused = client.post("/events/other", json={"events": []})
    assert (404, "urn:headrace:no-such-view") == (refused.status_code, refused.json()["type"])


def test_events_that_cannot_be_read_are_said(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    (file,) = (project.root / ".headrace" / "online").glob("*.db")
    file.write_bytes(b"no database " * 1000)
    refused = serve(project).post("/predict", json=ONLY)
    assert (503, "urn:headrace:features-unreadable") == (refused.status_code, refused.json()["type"])


def test_events_that_cannot_be_written_are_not_acknowledged(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    client = serve(project)
    (project.root / ".headrace" / "online").write_text("no folder")
    refused = client.post("/events/jobs", json={"events": [{"person_id": 7, "at": "2024-01-01T00:00:00Z"}]})
    assert (503, "urn:headrace:events-unwritable") == (refused.status_code, refused.json()["type"])


def test_the_document_says_what_is_taken_and_answered(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    materialize(project)
    client = serve(project)
    document = client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert ["person_id", "sex"] == row["required"]
    said = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(said).validate(client.post("/predict", json=ONLY).json())
    assert "/events/jobs" in document["paths"]
    assert MODEL in json.dumps(document)


def test_a_model_without_such_views_takes_no_events(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register())
    client = serve(project)
    assert 404 == client.post("/events/jobs", json={"events": []}).status_code
    assert not [path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/events")]


def live(project: Project) -> Any:
    config = read(WorkspaceConfig, project.config.parent / "headrace.json")
    inputs = read(ServingConfig, project.config).inputs
    origins = Origins(project.root, config.sources, load_plugins(None, Report(), allow=[]).readers)
    ship(project.store, project.spool)
    with project.store.read() as session:
        return online.live(session, origins, config.views, config.online, model=MODEL, inputs=inputs)


def test_live_data_are_what_was_answered_from_beside_what_training_would_hold(made: Callable[..., Project], serve: Serve) -> None:
    project = made()
    with pytest.raises(HeadraceError, match=r"\[no-live-data\]: feature_view/jobs was not brought in yet"):
        live(project)
    materialize(project)
    found = live(project)
    assert (True, None) == (len(found.entity) > 0, found.journalled)
    assert found.offline["age"].tolist() == found.online["age"].tolist()
    client = serve(project)
    client.post("/predict", json=ONLY)
    client.post("/predict", json={**ONLY, "person_id": 99})
    assert live(project).journalled is None  # what a request saw is compared once its source was brought in beyond it
    materialize(project)
    found = live(project)
    assert ["99", "7"] == found.entity
    assert [[0.0, None], [10.0, "21"]] == found.journalled.to_numpy().tolist() == found.online.to_numpy().tolist()
    assert [0.0, 10.0] == found.offline["age"].tolist()
