from collections.abc import Iterator

import pytest
from approval_world import World, approval, governance, living, policy


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """The URL of an SQLite file; of a database of PostgreSQL where a test is marked `on_both`."""
    return request.getfixturevalue("postgres") if getattr(request, "param", "sqlite") == "postgresql" else "sqlite:///state.db"


@pytest.fixture
def world(store: str) -> Iterator[World]:
    """One of three must agree."""
    with living(governance(policy(approval())), store) as made:
        yield made
