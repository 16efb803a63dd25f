"""An empty registry in a folder that goes away, and what a registration must say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headrace import registry
from headrace.store import Store, digest

AT = datetime(2020, 1, 1, tzinfo=UTC)
PARTS = ("data", "spec", "code", "environment")
DIGESTS = {part: digest(part.encode()) for part in PARTS}


@contextmanager
def registering() -> Iterator[tuple[Store, Callable[..., registry.Version]]]:
    """A store, and what registers one more version in it."""
    with TemporaryDirectory() as folder:
        store = Store.open("sqlite:///state.db", "blobs", root=Path(folder))

        def register(model: str = "churn", digests: dict[str, Any] | None = None, data: bytes = b"m") -> registry.Version:
            manifest = {"digests": DIGESTS if digests is None else digests}
            return registry.register(
                store, actor="test", model=model, run_id="r", manifest=manifest, model_bytes=data, algorithm="a", format="x", at=AT
            )

        yield store, register
        store.close()
