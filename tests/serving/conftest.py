"""A served project in this process: the real app over a real store, and no network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import BESIDE, Project
from serving_project import project as make_project

from headrace.compiled import ServingConfig, read
from headrace.serving import app
from headrace.serving.workspace import open_workspace


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(params=["hot", "route"])
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Project], TestClient]]:
    """Both faces: predictions answered in front of FastAPI, and by its routes, as they are behind a middleware."""
    middleware = BESIDE if request.param == "route" else ()
    with ExitStack() as stack:

        def start(made: Project) -> TestClient:
            config = read(ServingConfig, made.config)
            workspace = stack.enter_context(open_workspace(made.config.parent / "headrace.json", config))
            served = app(config, workspace, middleware)
            return stack.enter_context(TestClient(served, raise_server_exceptions=True))

        yield start
