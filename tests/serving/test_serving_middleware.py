"""Middleware by the config: what it adds and what it refuses reaches the client, and what is journalled is what was answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import CONFIG, ROW, Project
from sqlmodel import select

from headrace.compiled import ServingConfig, read
from headrace.diagnostics import HeadraceError
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.workspace import open_workspace
from headrace.store.tables import Prediction

MINE = '''
class Stamp:
    def __init__(self, app, *, header, value="us"):
        self.app, self.header = app, (header.lower().encode(), value.encode())

    async def __call__(self, scope, receive, send):
        async def stamped(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self.header]
            await send(message)

        await self.app(scope, receive, stamped if scope["type"] == "http" else send)


class Tenants:
    """Refuses whoever names no tenant, but for those who ask how it is."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        asked = scope["type"] == "http" and not scope["path"].startswith("/health")
        if asked and not any(name == b"x-tenant" for name, _ in scope["headers"]):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"no tenant"})
            return
        await self.app(scope, receive, send)


class Silent:
    def __init__(self, app):
        self.app = app


number = 3
raise_on = {}


class Fails:
    def __init__(self, app):
        raise_on["key"]
'''


def served(project: Project, *middleware: Mapping[str, Any]) -> TestClient:
    (project.root / "mine_around.py").write_text(MINE, encoding="utf-8")
    told = [{"params": {}, "digest": "sha256:0", **one} for one in middleware]
    project.config.write_text(json.dumps({**CONFIG, "middleware": told}), encoding="utf-8")
    config = read(ServingConfig, project.config)
    return TestClient(app(config, open_workspace(project.config.parent / "headrace.json", config)))


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of one project are none of the next."""
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine_around", raising=False)


def test_it_stands_around_every_answer_outermost_first(project: Project) -> None:
    project.alias("champion", project.register_flaky(0.25))
    stamp = {"python": "mine_around:Stamp", "params": {"header": "X-Company"}}
    with served(project, stamp, {"python": "mine_around:Tenants"}) as client:
        answered = client.post("/predict", json=ROW, headers={"X-Tenant": "a"})
        refused = client.post("/predict", json=ROW)
        assert (200, 0.25, "us") == (answered.status_code, answered.json()["prediction"], answered.headers["x-company"])
        # Of what the inner one refuses the outer one's header is told too, and the model was never asked.
        assert (403, "no tenant", "us") == (refused.status_code, refused.text, refused.headers["x-company"])
        assert 200 == client.get("/health/ready").status_code
        assert 403 == client.get("/metadata").status_code
        assert 'status_code="403"' in client.get("/metrics", headers={"X-Tenant": "a"}).text
    ship(project.store, project.spool)
    with project.store.read() as session:
        assert [0.25] == [row.output for row in session.exec(select(Prediction)).all()]


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("mine_around:Nobody", "cannot be imported"),
        ("nowhere_at_all:Stamp", "cannot be imported"),
        ("mine_around:number", "is int"),
        ("mine_around:Silent", "`Silent` cannot be called"),
        ("mine_around:Fails", "KeyError"),
        ("mine_around:Stamp", "missing 1 required keyword-only argument"),
    ],
)
def test_one_that_cannot_be_made_keeps_the_server_from_starting(project: Project, python: str, words: str) -> None:
    with pytest.raises(HeadraceError) as raised:
        served(project, {"python": python})
    (fault,) = raised.value.report.errors
    assert ("middleware-failed", True) == (fault.id, words in fault.message), fault.message


def test_another_text_is_another_config(tmp_path: Path) -> None:
    from headrace.compiler.middleware import middleware
    from headrace.spec.serving_middleware import Middleware

    (tmp_path / "mine_too.py").write_text("class Stamp: ...\n", encoding="utf-8")
    told = [Middleware(python="mine_too:Stamp", params={"header": "a"})]
    before = middleware(tmp_path, told)
    assert before == middleware(tmp_path, told)
    (tmp_path / "mine_too.py").write_text("class Stamp: pass\n", encoding="utf-8")
    (one,), (other,) = before, middleware(tmp_path, told)
    assert (one.python, one.params, True) == (other.python, other.params, one.digest != other.digest)
