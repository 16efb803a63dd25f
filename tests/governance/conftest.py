from collections.abc import Iterator

import pytest
from approval_world import World, approval, governance, living, policy


@pytest.fixture
def world() -> Iterator[World]:
    """One of three must agree."""
    with living(governance(policy(approval()))) as made:
        yield made
