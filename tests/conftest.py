"""What holds for all tests: properties search long, so they are slow by kind."""

from pathlib import Path

import pytest

PROPERTIES = Path(__file__).parent / "properties"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if PROPERTIES in item.path.parents:
            item.add_marker(pytest.mark.slow)
