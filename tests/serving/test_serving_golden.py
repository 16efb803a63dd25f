"""A server asks a version its golden requests before it answers anybody, in the very form in which it would answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from serving_project import ACTOR, MODEL, ROW, Project

from headrace import registry
from headrace.store import EventKind, events
from headrace.store.clock import wall

Serve = Callable[[Project], TestClient]
WAYS = ("hot",)
INPUTS = {name: value for name, value in ROW.items() if name != "person_id"}


def judged(project: Project, number: int, expect: float, *, passed: bool = True, most: int = 0) -> str:
    """As the gates note that a version passed a gate of golden requests; the digest of these."""
    kept = project.store.blobs.put(json.dumps({"requests": [{"id": "mine", "inputs": INPUTS, "expect": expect}]}).encode())
    gate = {"gate": "golden", "metric": "golden", "passed": passed, "evidence": {"digest": kept, "max": most}}
    with project.store.transaction(ACTOR, "judge", MODEL) as session:
        payload = {"id": uuid4().hex, "number": number, "passed": passed, "gates": [gate]}
        events.append(session, model=MODEL, kind=EventKind.GATES_JUDGED, payload=payload, at=wall())
    return kept


@pytest.fixture
def said(project: Project) -> float:
    """What version 1, the champion, answers."""
    project.alias("champion", project.register())
    with project.store.read() as session:
        version = registry.get(session, MODEL, 1)
    loaded = registry.load(project.store, project.plugins, version)
    return float(loaded.predictor.predict(loaded.signature.matrix([loaded.signature.encode_row(INPUTS)[0]]))[0])


def served(project: Project, serve: Serve) -> tuple[int, list[str]]:
    client = serve(project)
    told = client.get("/metadata").json()
    return client.post("/predict", json=ROW).status_code, [one["id"] for one in told["refused"]]


def test_a_version_that_answers_as_expected_is_served(project: Project, serve: Serve, said: float) -> None:
    judged(project, 1, said)
    assert (200, []) == served(project, serve)


def test_one_that_answers_otherwise_is_refused(project: Project, serve: Serve, said: float) -> None:
    judged(project, 1, said + 0.01)
    assert (503, ["golden-answers"]) == served(project, serve)


def test_its_last_judgement_counts_and_only_what_it_passed(project: Project, serve: Serve, said: float) -> None:
    judged(project, 1, said + 0.01)
    judged(project, 1, said + 0.01, passed=False)
    assert (200, []) == served(project, serve)


def test_as_many_may_be_otherwise_as_the_gate_allows(project: Project, serve: Serve, said: float) -> None:
    judged(project, 1, said + 0.01, most=1)
    assert (200, []) == served(project, serve)


def test_lost_requests_refuse_it(project: Project, serve: Serve, said: float) -> None:
    kept = judged(project, 1, said)
    project.store.blobs.path(kept).unlink()
    assert (503, ["artifact-missing"]) == served(project, serve)


def test_what_is_no_file_of_requests_refuses_it(project: Project, serve: Serve, said: float) -> None:
    del said
    kept = project.store.blobs.put(b"{}")
    gate = {"gate": "golden", "metric": "golden", "passed": True, "evidence": {"digest": kept}}
    with project.store.transaction(ACTOR, "judge", MODEL) as session:
        events.append(session, model=MODEL, kind=EventKind.GATES_JUDGED, payload={"number": 1, "gates": [gate]}, at=wall())
    assert (503, ["golden-answers"]) == served(project, serve)


def test_a_candidate_that_answers_otherwise_gets_no_traffic(project: Project, serve: Serve, said: float) -> None:
    second = project.register(seed=1)
    judged(project, 1, said)
    judged(project, second, said + 5)
    project.weigh(1, second, 0.9)
    client = serve(project)
    told = client.get("/metadata").json()
    assert [(second, "golden-answers")] == [(one["version"], one["id"]) for one in told["refused"]]
    assert {1} == {client.post("/predict", json=ROW | {"person_id": who}).json()["version"] for who in range(30)}
