"""The key set of an identity provider as it was last read: read again by and by, and where a token names a key that it lacks."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from headrace.identity.tokens import KeySet
from headrace.serving.measures import Measures

LOG = logging.getLogger("headrace.serving")

FRESH = 300.0
"""Seconds after which the set is read again: so long a key that was withdrawn may go on to be believed."""
AGAIN = 5.0
"""Seconds between two tries while it cannot be read."""
ASKED = 10.0
"""Seconds between two reads that tokens with unknown keys ask for."""
_PATIENCE = 5.0
_LARGEST = 2**20


class Jwks(threading.Thread):
    """Reads the set in a thread of its own. What was read last goes on where it cannot be read again."""

    def __init__(self, source: str, root: Path, measures: Measures, model: str) -> None:
        super().__init__(name=f"jwks-{model}", daemon=True)
        self._source = source
        self._root = root
        self._measures = measures
        self._wake = threading.Event()
        self._ended = False
        self._lock = threading.Lock()
        self._awaited: list[Future[None]] = []
        self._asked = -ASKED
        self._failing = False
        self.current: KeySet | None = None
        """None until it was read once."""
        self.read_at: float | None = None
        """When it was last read, in seconds that never go back."""

    def run(self) -> None:
        """Read, wait, read again."""
        while not self._ended:
            with self._lock:
                awaited, self._awaited = self._awaited, []
            self._read()
            for waiting in awaited:
                waiting.set_result(None)
            with self._lock:
                asked_meanwhile = bool(self._awaited)
                if not asked_meanwhile:
                    self._wake.clear()
            if not asked_meanwhile:
                self._wake.wait(AGAIN if self._failing else FRESH)

    def end(self) -> None:
        """Read no more."""
        self._ended = True
        self._wake.set()

    def ask(self) -> Future[None] | None:
        """Have it read now; what to wait for, or None where that was asked too often."""
        with self._lock:
            now = time.monotonic()
            if self._awaited:
                return self._awaited[0]
            if now - self._asked < ASKED:
                return None
            self._asked = now
            waiting: Future[None] = Future()
            waiting.set_running_or_notify_cancel()  # a request that goes away must not end the wait of the others
            self._awaited.append(waiting)
            self._wake.set()
            return waiting

    def _read(self) -> None:
        try:
            self.current = KeySet.parse(self._fetch())
        except Exception as error:  # noqa: BLE001 - whatever it is, what was read last goes on
            self._measures.failed("jwks")
            if not self._failing:
                kept = "what was read last goes on" if self.current is not None else "no token can be checked"
                LOG.warning("the key set %s cannot be read, %s: %s", self._source, kept, str(error) or type(error).__name__)
            self._failing = True
        else:
            self.read_at = time.monotonic()
            self._failing = False

    def _fetch(self) -> bytes:
        if self._source.startswith("file:"):
            with (self._root / self._source.removeprefix("file:")).open("rb") as file:
                return _bounded(file.read(_LARGEST + 1))
        import httpx

        data, until = b"", time.monotonic() + 2 * _PATIENCE
        with httpx.stream("GET", self._source, timeout=_PATIENCE, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"it is answered with {answer.status_code}")
            for chunk in answer.iter_bytes():
                data = _bounded(data + chunk)
                if time.monotonic() > until:  # `timeout` bounds the wait for each part alone
                    raise TimeoutError("it comes too slowly")
        return data


def _bounded(data: bytes) -> bytes:
    if len(data) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    return data
