"""What holds for all tests: properties search long, so they are slow by kind; those that need Prefect run one after another."""

from pathlib import Path

import pytest

PROPERTIES = Path(__file__).parent / "properties"
PREFECT = [Path(__file__).parent / "apply", Path(__file__).parent / "local_prefect"]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if PROPERTIES in item.path.parents:
            item.add_marker(pytest.mark.slow)
        if any(folder in item.path.parents for folder in PREFECT):
            item.add_marker(pytest.mark.xdist_group("prefect"))  # one server at a time is load enough
