"""A socket between a program and its PostgreSQL, which a test can make fall silent, or go."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path


class Between:
    """Listens where libpq looks in a folder, and passes on what it hears: while `silent`, to nobody; while `gone`, it lets nobody in."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.silent = threading.Event()
        self.opened = 0
        self._path = folder / ".s.PGSQL.5432"
        self._server = server / ".s.PGSQL.5432"
        self._wires: list[socket.socket] = []
        self._listening = self._listen()

    def go(self) -> None:
        """Cut all connections, and take no more."""
        self._listening.close()
        self._path.unlink()
        self.cut()

    def come(self) -> None:
        """Take connections again."""
        self.silent.clear()
        self._listening = self._listen()

    def cut(self) -> None:
        """End every connection."""
        wires, self._wires = self._wires, []
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def speak(self) -> None:
        """Be silent no more; what was not passed on is lost, with its connections."""
        self.silent.clear()
        self.cut()

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._path))
        listening.listen(100)
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        return listening

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._server))
                self.opened += 1
                self._wires += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not self.silent.is_set():
                    other.sendall(data)
        for wire in (one, other):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
