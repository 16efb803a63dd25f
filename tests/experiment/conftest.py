from collections.abc import Iterator
from pathlib import Path

import pytest
from observed_world import World

from headrace.diagnostics import Report
from headrace.hooks import Plugins, load_plugins
from headrace.store import Store


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    report = Report()
    found = load_plugins(None, report)
    assert list(report) == []
    return found


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """In SQLite, or in the database that a test names."""
    where = getattr(request, "param", "sqlite")
    url = "sqlite:///state.db" if where == "sqlite" else request.getfixturevalue("postgres")
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def observed(store: Store, plugins: Plugins) -> World:
    return World(store, plugins)
