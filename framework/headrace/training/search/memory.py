"""Where a search's trials are remembered: a file beside an SQLite store, or a schema of their own in the store's PostgreSQL."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from headrace.store import Store, beside

SCHEMA = "headrace_studies"
"""The schema of Optuna's tables; it has an `alembic_version` of its own, as ours have."""
_UNDER = ".headrace/studies"


@dataclass(frozen=True)
class Memory:
    """A database of trials: how it is opened, and how one process at a time makes its tables, and decides about a study's trials."""

    url: str
    making: Callable[[], AbstractContextManager[None]]
    alone: Callable[[], AbstractContextManager[None]]
    engine: dict[str, Any] = field(default_factory=dict)


def memory(store: Store, study: str) -> Memory:
    """Where a study is remembered; HeadraceError as `store.beside.schema`."""
    url = beside.schema(store, SCHEMA)
    if url is not None:
        return Memory(url, partial(beside.alone, url, SCHEMA), partial(beside.alone, url, study), {"pool_pre_ping": True})
    folder = store.root / _UNDER
    folder.mkdir(parents=True, exist_ok=True)
    return in_file(folder / f"{study.removeprefix('sha256:')[:32]}.db")


def in_file(path: Path) -> Memory:
    """An SQLite file in WAL mode, since each trial writes a dozen times; a killed process loses nothing."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    alone = partial(_alone, path.with_suffix(".lock"))
    return Memory(f"sqlite:///{path}", alone, alone, {"creator": connect})


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
