"""A served project in this process: the real app over a real store, and no network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import Project
from serving_project import project as make_project
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.compiled import ServingConfig, read
from headrace.serving import app
from headrace.serving.workspace import open_workspace


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path)
    yield made
    made.store.close()


class Beside:
    """Somebody's middleware, which does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(params=["hot", "route"])
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Project], TestClient]]:
    """Both faces: predictions answered in front of FastAPI, and by its routes, as they are behind a middleware."""
    middleware = [Middleware(Beside)] if request.param == "route" else []
    with ExitStack() as stack:

        def start(made: Project) -> TestClient:
            config = read(ServingConfig, made.config)
            workspace = stack.enter_context(open_workspace(made.config.parent / "headrace.json", config))
            served = app(config, workspace, middleware)
            return stack.enter_context(TestClient(served, raise_server_exceptions=True))

        yield start
