"""The journal's shipper as a child of the server: started beside it, started again if it dies, ended after it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

LOG = logging.getLogger("headrace.serving")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_LOOK = 0.2
_PATIENCE = 0.4


class Shipper(threading.Thread):
    """Watches over `python -m headrace.journal`. It has a session of its own, so that a signal to the server's group does not end it
    before the server has written its last record; it ends by itself when the server is killed."""  # noqa: D205, D209 - two sentences

    def __init__(self, workspace: Path, model: str) -> None:
        super().__init__(name=f"shipper-{model}", daemon=True)
        self._command = [
            *(sys.executable, "-m", "headrace.journal"),
            *("--workspace", str(workspace), "--model", model, "--with-parent", str(os.getpid())),
        ]
        self._ended = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start it, watch it, start it again; each pause twice the one before while it keeps dying young."""
        pause = _FIRST_PAUSE
        while not self._ended.is_set():
            self._child = child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - our own module
            lived = 0.0
            while child.poll() is None and not self._ended.wait(_LOOK):
                lived += _LOOK
            if self._ended.is_set():
                return
            pause = _FIRST_PAUSE if lived > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            LOG.warning("the journal's shipper ended with code %s; it starts again in %g s", child.returncode, pause)
            self._ended.wait(pause)

    def end(self, patience: float = 0.0) -> None:
        """Let it make a last pass, and go; one that takes longer than it is given ends by itself once this process has."""
        self._ended.set()
        self.join(_PATIENCE)
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(max(_PATIENCE, patience))
            except subprocess.TimeoutExpired:
                LOG.info("the shipper is still at its last pass; it ends by itself")
