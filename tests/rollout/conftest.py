import pytest
from rollout_world import World

from headrace.store import Store


@pytest.fixture
def world(tmp_path):
    store = Store.open("sqlite:///headrace.db", "blobs", root=tmp_path)
    yield World(store)
    store.close()
