"""A served project in this process: the real app over a real store, asked without a network or over a socket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import BESIDE, Project
from serving_project import project as make_project
from serving_sockets import asked, running

from headrace.compiled import ServingConfig, read
from headrace.serving import app
from headrace.serving.workspace import open_workspace


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path)
    yield made
    made.store.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One contract for each way of answering; a module that asks for little but `/predict` has the third, over a socket, in its `WAYS`."""
    if "serve" in metafunc.fixturenames:
        metafunc.parametrize("serve", getattr(metafunc.module, "WAYS", ("hot", "route")), indirect=True)


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Project], TestClient]]:
    """Predictions answered where they are read (`direct`), in front of FastAPI, and by its routes, as they are behind a middleware."""
    middleware = BESIDE if request.param == "route" else ()
    with ExitStack() as stack:

        def start(made: Project) -> TestClient:
            config = read(ServingConfig, made.config)
            workspace = stack.enter_context(open_workspace(made.config.parent / "headrace.json", config))
            served = app(config, workspace, middleware)
            if request.param == "direct":
                return stack.enter_context(asked(stack.enter_context(running(served, served.nows))))
            return stack.enter_context(TestClient(served, raise_server_exceptions=True))

        yield start
