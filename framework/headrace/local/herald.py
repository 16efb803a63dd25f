"""Runs told to the environment's server of lineage while `headrace up` is up: in a thread, again and again until they are heard."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from headrace.compiled import WORKSPACE, WorkspaceConfig, read
from headrace.diagnostics import HeadraceError
from headrace.identity import service
from headrace.steps.announced import announce

__all__ = ["Herald"]


class Herald:
    """Tells, every so many seconds, what has not been heard; what is wrong with the receiver is said once."""

    def __init__(self, root: Path, say: Callable[[str], None], every: float) -> None:
        self.root, self.say, self.every = root, say, every
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lineage", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, waited: float = 1.0) -> None:
        """Begin nothing more; a receiver that does not answer is left alone after so many seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(waited)

    def _run(self) -> None:
        while not self._stop.wait(self.every):
            self.look()

    def look(self) -> int:
        """Tell once; how many events were sent."""
        path = self.root / "flows" / WORKSPACE
        if not path.is_file():
            return 0
        try:
            sent = announce(self.root, read(WorkspaceConfig, path), service("up"))
        except HeadraceError as error:
            if (why := "; ".join(fault.message for fault in error.report)) != self._said:
                self.say(f"runs could not be announced: {why}; it is tried again")
                self._said = why
            return 0
        self._said = ""
        return sent
