from datetime import UTC, datetime

import pytest

from headrace import registry
from headrace.store import Store, digest

AT = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(request, tmp_path):
    """In an SQLite file; on PostgreSQL where a test is marked `on_both`."""
    url = request.getfixturevalue("postgres") if getattr(request, "param", "sqlite") == "postgresql" else "sqlite:///state.db"
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def manifest():
    """All that a registration must say."""
    return {
        "signature": [{"name": "a", "type": "number", "categories": [], "low": None, "high": None}],
        "digests": {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")},
        "metrics": {"roc_auc": 0.9},
        "seed": 7,
    }


@pytest.fixture
def make(store, manifest):
    """Register one more version."""

    def register(model="churn", *, run_id="r", data=b"model", algorithm="own", semver=None, at=AT, **instead):
        return registry.register(
            store,
            actor="test",
            model=model,
            run_id=run_id,
            manifest=manifest | instead,
            model_bytes=data,
            algorithm=algorithm,
            format="x",
            at=at,
            semver=semver,
        )

    return register


@pytest.fixture
def write(store):
    """Call one of the registry's functions in a transaction of its own."""

    def call(function, *arguments, **named):
        with store.transaction("test", "call", "model/churn") as session:
            return function(session, *arguments, **named)

    return call
