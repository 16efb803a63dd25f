"""A store to test with, in an SQLite file; for PostgreSQL see `postgres` in tests/conftest.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def schema() -> None:
    """Here migrations do all themselves."""
