"""What a worker and the process that asked for the training say to each other, over a socket on this machine: JSON, and bytes behind it."""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace.hooks import EnoughError, Watch

_SIZES = struct.Struct("!IQ")
_GONE = 70
"""What a worker ends with once nobody waits for its model."""


class HungUpError(ConnectionError):
    """The other side is gone."""


def send(to: socket.socket, said: Mapping[str, Any], data: bytes = b"") -> None:
    """One message."""
    text = json.dumps(said).encode()
    to.sendall(_SIZES.pack(len(text), len(data)) + text + data)


def receive(of: socket.socket) -> tuple[dict[str, Any], bytes]:
    """The next message; HungUpError where there is none to come."""
    text, data = _SIZES.unpack(_exactly(of, _SIZES.size))
    return json.loads(_exactly(of, text)), _exactly(of, data)


def _exactly(of: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        if not (part := of.recv(min(size - len(found), 1 << 20))):
            raise HungUpError("the other side is gone")
        found += part
    return bytes(found)


@dataclass(frozen=True)
class Line:
    """A worker's side. Once the other side is gone the process ends at once, whatever it waits for, and with it what the folder held."""

    connection: socket.socket
    folder: Path
    answers: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)

    @classmethod
    def to(cls, path: Path, rank: int) -> Line:
        """Call; OSError where nobody listens."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        send(connection, {"rank": rank})
        line = cls(connection, path.parent)
        threading.Thread(target=line._listen, daemon=True).start()
        return line

    def _listen(self) -> None:
        while True:
            try:
                said, _ = receive(self.connection)
            except OSError:
                shutil.rmtree(self.folder, ignore_errors=True)
                os._exit(_GONE)
            self.answers.put(said)

    def watch(self, given: Watch) -> Watch:
        """The same, told over the line."""
        return replace(given, step=self._step, checkpoint=self._checkpoint, within=self._within)

    def end(self, model: bytes) -> None:
        """The network that came of it."""
        send(self.connection, {"told": "model"}, model)
        self.answers.get()

    def _step(self, number: int, values: Mapping[str, float]) -> None:
        send(self.connection, {"told": "step", "number": number, "values": dict(values)})
        if (enough := self.answers.get()["enough"]) is not None:
            raise EnoughError(enough)

    def _within(self, number: int, values: Mapping[str, float]) -> None:
        send(self.connection, {"told": "within", "number": number, "values": dict(values)})

    def _checkpoint(self, number: int, model: bytes) -> None:
        send(self.connection, {"told": "checkpoint", "number": number}, model)


def follow(worker: socket.socket, watch: Watch) -> bytes:
    """Tell the watch what the first worker says, up to its network; HungUpError where it is gone before."""
    while True:
        said, data = receive(worker)
        match said["told"]:
            case "step":
                enough = None
                try:
                    watch.step(said["number"], said["values"])
                except EnoughError as end:
                    enough = end.steps
                send(worker, {"enough": enough})
            case "within":
                watch.within(said["number"], said["values"])
            case "checkpoint":
                watch.checkpoint(said["number"], data)
            case _:
                send(worker, {"enough": None})
                return data
