"""What a server tells Prometheus: names of MLServer beside its own, in a form that Prometheus' own tool finds no fault with."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from serving_project import MODEL, ROW, Project

Serve = Callable[[Project], TestClient]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(client: TestClient) -> Samples:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted((labels | {"model": MODEL}).items()))))


def test_mlservers_names_tell_the_same_numbers_by_version_and_arm(project: Project, serve: Serve) -> None:
    champion, candidate = project.register_flaky(0.5), project.register_flaky(0.7, fail=1)
    project.alias("champion", champion)
    project.alias("candidate", candidate)
    project.weigh(champion, candidate, 0.5)
    client = serve(project)
    for person in range(40):
        client.post("/predict", json={**ROW, "person_id": person})
    found = samples(client)
    one, other = {"version": "1", "arm": "champion"}, {"version": "2", "arm": "candidate"}
    failed = value(found, "model_infer_request_failure_total", **other)
    assert failed is not None
    assert failed > 0
    assert (40.0, None) == (
        value(found, "model_infer_request_success_total", **one),
        value(found, "model_infer_request_success_total", **other),
    )
    assert 40.0 + failed == sum(v for (name, _), v in found.items() if name == "model_infer_request_duration_count")
    ours = value(found, "headrace_prediction_seconds_sum", **one)
    assert ours == value(found, "model_infer_request_duration_sum", **one)


def test_http_requests_are_counted_by_declared_path_and_status(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register())
    client = serve(project)
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/predict", ROW),
        ("POST", "/predict", ROW),
        ("POST", "/predict", {}),
        ("GET", "/health/ready", None),
        ("GET", "/made/up/1", None),
        ("GET", "/made/up/2", None),
        ("BREW", "/predict", None),
    ]
    for method, path, body in asked:
        client.request(method, path, json=body)
    found = samples(client)
    counted = {
        (dict(labels)["method"], dict(labels)["path"], dict(labels)["status_code"]): v
        for (name, labels), v in found.items()
        if name == "rest_server_requests_total"
    }
    expected = {
        ("POST", "/predict", "200"): 2.0,
        ("POST", "/predict", "422"): 1.0,
        ("GET", "/health/ready", "200"): 1.0,
        ("GET", "other", "404"): 2.0,
    }
    assert expected == {key: counted.get(key) for key in expected}
    assert 1.0 == sum(count for (method, _, status), count in counted.items() if (method, status) == ("other", "405"))
    durations = {labels: v for (name, labels), v in found.items() if name == "rest_server_request_duration_seconds_count"}
    assert sum(counted.values()) == sum(durations.values())
    assert 1.0 == value(found, "rest_server_requests_in_progress")  # the one that asks


@pytest.mark.needs_promtool
def test_prometheus_own_tool_finds_no_fault(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register())
    client = serve(project)
    for body in (ROW, {**ROW, "education": "99"}, {}):
        client.post("/predict", json=body)
    text = client.get("/metrics").content
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (0, "") == (done.returncode, (done.stdout + done.stderr).decode())
