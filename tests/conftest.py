"""What holds for all tests: properties search long, so they are slow by kind; what is timed runs unmeasured."""

import os
from pathlib import Path

import pytest

PROPERTIES = Path(__file__).parent / "properties"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if PROPERTIES in item.path.parents:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep coverage out of the processes that a run of serial tests starts: Prefect's server, traced, takes three times as long."""
    if session.items and all({"prefect", "alone"} & {mark.name for mark in item.iter_markers()} for item in session.items):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
