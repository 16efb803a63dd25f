import pytest
from traffic_values import AT

from headrace.store import Store
from headrace.traffic import CANDIDATE, CHAMPION, Arm, set_weights


@pytest.fixture
def store(tmp_path):
    opened = Store.open("sqlite:///headrace.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def shift(store):
    """Set champion 1 and candidate 2 at the candidate's share."""

    def to(share, candidate=2, expected=None, champion=1):
        arms = (Arm(CHAMPION, champion, 1 - share), *((Arm(CANDIDATE, candidate, share),) if candidate else ()))
        with store.transaction("test", "shift", "model/m") as session:
            return set_weights(session, model="m", expected=expected, arms=arms, at=AT, reason="test")

    return to
