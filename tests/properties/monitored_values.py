"""A store in a folder that goes away, windows as a look writes them, and looks over them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headrace.monitoring import Alert, Alerts, Windows, alerts
from headrace.store import EventKind, Store, events
from headrace.store.tables import Window

AT = datetime(2020, 1, 1, tzinfo=UTC)
MODEL = "churn"


@contextmanager
def storing(url: str = "sqlite:///state.db") -> Iterator[Store]:
    """An empty store."""
    with TemporaryDirectory() as folder:
        store = Store.open(url, "blobs", root=Path(folder))
        yield store
        store.close()


def close(store: Store, number: int, **measured: Any) -> None:
    """Write a window of 100 rows, with what was measured over it."""
    start = AT + number * timedelta(days=1)
    row = Window(
        model=MODEL, number=number, first_seq=number * 100 - 99, last_seq=number * 100, start=start, end=start, n=100, version=1, **measured
    )
    with store.transaction("test", "close", MODEL) as session:
        session.add(row)


def judge(store: Store, numbers: Sequence[int], *rules: Alert) -> Alerts:
    """A look that closed the windows of these numbers."""
    return alerts.judge(store, Windows(MODEL, "run", list(numbers), []), rules, actor="service:monitor")


def told(store: Store, *kinds: EventKind) -> list[dict[str, Any]]:
    """The payloads of these kinds of events, in order."""
    with store.read() as session:
        return [event.payload for event in events.log(session, MODEL, kinds)]
