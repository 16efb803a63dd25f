"""The API keys that a server knows: read from the store by a thread of their own, with when each was last used told to it now and then."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

from headrace.identity import keys, service
from headrace.serving.measures import Measures
from headrace.serving.workspace import Workspace
from headrace.store.changes import Changes

LOG = logging.getLogger("headrace.serving")

EVERY = 0.4
"""Seconds between two looks at the store: a revoked key is refused within a second, whatever else the server loads meanwhile."""
TOLD = 60.0
"""Seconds between two times that the store is told when keys were last used."""


class Keys:
    """What was read last goes on where the store is away: whoever had a key keeps it until the store says otherwise, or it expires."""

    def __init__(self, workspace: Workspace, model: str, measures: Measures) -> None:
        self._store = workspace.store
        self._changes = Changes(workspace.store)
        self._seen: object = None
        self._environment = workspace.environment
        self._measures = measures
        self._used: dict[str, float] = {}
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read_again, name=f"keys-{model}", daemon=True)
        self._teller = threading.Thread(target=self._tell_again, name=f"keys-used-{model}", daemon=True)
        self.current: keys.Keyring | None = None
        """None until they were read once."""
        self.read_at: float | None = None
        """When they were last read, in seconds that never go back."""

    def start(self) -> None:
        """Read again and again from now on."""
        self._reader.start()
        self._teller.start()

    def end(self) -> None:
        """Read no more, and tell the store once more."""
        self._ended.set()

    def join(self) -> None:
        """Wait until the store was told."""
        if self._teller.ident is not None:
            self._teller.join()

    def find(self, text: bytes) -> keys.Known | None:
        """The key that a request sent, whose use is noted; None where it is none."""
        now = time.time()
        found = None if self.current is None else self.current.find(text, now)
        if found is not None:
            self._used[found.id] = now
        return found

    def look(self) -> None:
        """Read them, where they changed."""
        seen = self._changes.token()
        if seen != self._seen:
            with self._store.read() as session:
                self.current = keys.read(session, self._environment, self.current)
            self._seen = seen
        self.read_at = time.monotonic()

    def tell(self) -> None:
        """Tell the store when keys were used since the last time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            keys.used(self._store, service("serving"), {id_: datetime.fromtimestamp(at, UTC) for id_, at in list(used.items())})
        except Exception:
            self._used = used | self._used
            raise

    def _read_again(self) -> None:
        failing = False
        while not self._ended.is_set():
            try:
                self.look()
                failing = False
            except Exception as error:  # noqa: BLE001 - a server that stops looking would take a revoked key for ever
                self._measures.failed("keys")
                if not failing:
                    LOG.warning("the API keys cannot be read, those that were read last go on: %s", error)
                failing = True
            self._ended.wait(EVERY)
        self._changes.close()

    def _tell_again(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(TOLD)
            try:
                self.tell()
            except Exception as error:  # noqa: BLE001 - no request depends on it
                self._measures.failed("keys")
                LOG.warning("when API keys were last used cannot be recorded: %s", error)
