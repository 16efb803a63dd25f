from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from monitored_world import START, World

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
def world(tmp_path: Path, plugins: Plugins) -> Iterator[World]:
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    made = World(store, plugins)
    made.drive(START)
    yield made
    store.close()
