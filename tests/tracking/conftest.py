"""A store to track in, on both databases, and what begins a run there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace import tracking
from headrace.store import Store

AT = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def begun(store):
    """Begins a run, each a second after the one before it."""
    count = iter(range(1000))

    def begin(experiment="churn", **more):
        run_id = tracking.new_id()
        at = AT + timedelta(seconds=next(count))
        params, tags, metrics = more.pop("params", {}), more.pop("tags", {}), more.pop("metrics", {})
        with store.transaction("user:ana", "begin", run_id) as session:
            tracking.begin(session, id=run_id, experiment=experiment, actor="user:ana", at=at, **more)
            tracking.log_params(session, run_id, params)
            tracking.set_tags(session, run_id, tags)
            tracking.log_points(session, run_id, [(name, 0, value, at) for name, value in metrics.items()])
        return run_id

    return begin
