"""A store of tracked runs in a folder that goes away, and values that can be logged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck
from hypothesis import strategies as st

from headrace import tracking
from headrace.store import Store

SLOW = [HealthCheck.too_slow]
"""A busy machine is no fault of a property."""
AT = datetime(2020, 1, 1, tzinfo=UTC)
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, st.text(max_size=20))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)


_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a disk that syncs would be most of the time


@cache
def _opened() -> tuple[Any, Store]:
    folder = TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None)
    return folder, Store.open("sqlite:///state.db", "blobs", root=Path(folder.name))


@contextmanager
def tracked() -> Iterator[tuple[Store, str]]:
    """A store, and the name of an experiment that nobody has used."""
    yield _opened()[1], uuid4().hex


def begun(store: Store, second: int = 0, *, experiment: str = "e", **logged: dict[str, Any]) -> str:
    """A run that began so many seconds after the first moment."""
    run_id, at = tracking.new_id(), AT + timedelta(seconds=second)
    with store.transaction("u", "begin", run_id) as session:
        tracking.begin(session, id=run_id, experiment=experiment, actor="u", at=at)
        tracking.log_params(session, run_id, logged.get("params", {}))
        tracking.set_tags(session, run_id, logged.get("tags", {}))
        tracking.log_points(session, run_id, [(name, 0, value, at) for name, value in logged.get("metrics", {}).items()])
    return run_id
