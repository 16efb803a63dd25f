"""What a key may do: each permission opens its own paths and no other, however a path is written; and what is told without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, Project
from serving_project import project as make_project

from headrace.compiled import ServingConfig, read
from headrace.identity import keys
from headrace.identity.scopes import SCOPES, Scope
from headrace.serving import app
from headrace.serving.workspace import open_workspace

Serve = Callable[[Project], TestClient]
KEYS = {"auth": {"keys": True, "jwt": None, "public": []}}
OPENS: dict[Scope, list[tuple[str, str]]] = {
    "predict": [
        ("POST", "/predict"),
        ("POST", "/predict/batch"),
        ("POST", "/explain"),
        ("POST", f"/v2/models/{MODEL}/infer"),
        ("GET", f"/v2/models/{MODEL}"),
        ("GET", "/v2"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
    ],
    "outcomes": [("POST", "/outcomes"), ("POST", "/events/nothing")],
    "observe": [("GET", "/metrics"), ("GET", "/metadata"), ("POST", "/v2/repository/index")],
    "manage": [("POST", f"/v2/repository/models/{MODEL}/load"), ("POST", f"/v2/repository/models/{MODEL}/unload")],
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path, {"access": KEYS})
    made.alias("champion", made.register())
    return made


def key(project: Project, *scopes: Scope) -> dict[str, str]:
    made = keys.issue(project.store, "user:ana", name="a", models=None, environment="dev", expires=None, scopes=scopes or None)
    return {"X-API-Key": made.text}


@pytest.mark.parametrize("prefix", ["", f"/models/{MODEL}", f"/models/{MODEL}/models/{MODEL}"])
def test_each_permission_opens_its_own_paths(project: Project, serve: Serve, prefix: str) -> None:
    made = {scope: key(project, scope) for scope in SCOPES}
    client = serve(project)
    for scope, asked in OPENS.items():
        for method, path in asked:
            status = {other: client.request(method, prefix + path, json=ROW, headers=made[other]).status_code for other in SCOPES}
            assert {other: other != scope for other in SCOPES} == {other: code == 403 for other, code in status.items()}, path


def test_a_key_without_permissions_of_its_own_may_do_everything(project: Project, serve: Serve) -> None:
    headers = key(project)
    client = serve(project)
    assert {False} == {
        client.request(m, path, json=ROW, headers=headers).status_code == 403 for asked in OPENS.values() for m, path in asked
    }


def test_a_refusal_names_the_permission_that_lacks(project: Project, serve: Serve) -> None:
    headers = key(project, "predict", "outcomes")
    refused = serve(project).post(f"/v2/repository/models/{MODEL}/load", headers=headers)
    assert (403, True) == (refused.status_code, "may not `manage`" in refused.json()["error"])


@pytest.mark.parametrize("path", ["/health/ready", "/v2/health/ready"])
def test_why_a_server_is_not_ready_is_for_those_who_may_observe(project: Project, path: str) -> None:
    predicts, observes = key(project, "predict"), key(project, "observe")
    project.blob(1).write_bytes(b"altered")
    config = read(ServingConfig, project.config)
    opened = open_workspace(project.config.parent / "headrace.json", config)
    with TestClient(app(config, opened, exposed=True)) as client:
        told = [client.get(path, headers=headers) for headers in ({}, predicts, {"X-API-Key": "hr_nonsense"}, observes)]
        assert [503] * 4 == [one.status_code for one in told]
        assert [True, True, True, False] == ["champion is not well" in one.text for one in told]
        assert "champion: none is loaded" in told[3].text
    with TestClient(app(config, open_workspace(project.config.parent / "headrace.json", config))) as client:
        assert "champion: none is loaded" in client.get(path).text


def test_without_auth_nobody_beyond_loopback_learns_why(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    config = read(ServingConfig, made.config)
    with TestClient(app(config, open_workspace(made.config.parent / "headrace.json", config), exposed=True)) as client:
        assert "champion is not well" == client.get("/health/ready").json()["detail"]
