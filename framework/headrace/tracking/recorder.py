"""Metrics while they are measured: kept in memory for a second at most, and written many at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from headrace.diagnostics import HeadraceError
from headrace.store import Store
from headrace.tracking import book
from headrace.tracking.value import measured, named, stepped

LOG = logging.getLogger("headrace.tracking")
EVERY = 1.0
"""Seconds after which what was recorded is written: what a crash can lose."""


class Recorder:
    """The metrics of one run, from any thread: `step(iteration, {metric: value})`. Use it as a context manager, or `close` it.

    A store that cannot be written meanwhile costs no training: what was recorded is kept and tried again, and `close` raises.
    """

    def __init__(self, store: Store, run_id: str, actor: str, *, every: float = EVERY) -> None:
        self.run_id = run_id
        self._store = store
        self._actor = actor
        self._every = every
        self._waiting: list[book.Logged] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._came = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        # A driven clock stands still within a run: moments are what it showed, and the time since.
        self._began, self._from = store.clock.now(), time.monotonic()

    def step(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one iteration. HeadraceError `bad-record`."""
        at = self.now()
        number = stepped(iteration)
        points = [book.Logged(named(name), number, measured(name, value), at) for name, value in metrics.items()]
        with self._lock:
            self._waiting += points
            if self._thread is None and points:
                self._thread = threading.Thread(target=self._write_on, name=f"recorder-{self.run_id[-8:]}", daemon=True)
                self._thread.start()
        self._came.set()

    def now(self) -> datetime:
        """The moment, in the store's time."""
        return self._began + timedelta(seconds=time.monotonic() - self._from)

    def flush(self) -> None:
        """Write what was recorded. HeadraceError where the store cannot be written: it is kept then."""
        with self._writing:
            with self._lock:
                points, self._waiting = self._waiting, []
            if not points:
                return
            try:
                with self._store.transaction(self._actor, "log", f"run {self.run_id}", often=True) as session:
                    book.log_points(session, self.run_id, points)
            except BaseException:
                with self._lock:
                    self._waiting = points + self._waiting
                raise

    def close(self) -> None:
        """Write the rest, and end."""
        self._closed.set()
        self._came.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _write_on(self) -> None:
        while not self._closed.is_set():
            self._came.wait()
            self._closed.wait(self._every)
            self._came.clear()
            try:
                self.flush()
            except HeadraceError as error:
                LOG.warning("metrics of run %s wait to be written: %s", self.run_id, error)
                self._came.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
