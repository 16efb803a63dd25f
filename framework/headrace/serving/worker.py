"""A worker's side of its fleet: says how loaded it is, and hears what to do; without its supervisor it ends."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

import psutil

from headrace.serving.drain import Draining
from headrace.serving.fleet.words import Leave, Load, Order, Ready, Shed, line, order

SAMPLE, SAY = 0.05, 0.5
"""Seconds between two looks at what is in flight, and between two reports."""


class Overseen(threading.Thread):
    """Speaks with the supervisor on a socket, beside the event loop: one that is stuck is told of all the same."""

    def __init__(self, control: socket.socket, server: Draining, loop: AbstractEventLoop, leave: Callable[[], None]) -> None:
        super().__init__(name="overseen", daemon=True)
        self._control = control
        self._server = server
        self._loop = loop
        self._leave = leave
        self._thread = threading.get_native_id()
        self._process = psutil.Process()

    def run(self) -> None:
        """Until the supervisor is gone, or this process is."""
        try:
            self._control.sendall(line(Ready(rss=self._process.memory_info().rss)))
            self._speak()
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    def _speak(self) -> None:
        heard, flying, samples = b"", 0, 0
        said, before = time.monotonic(), self._times()
        while True:
            if select.select([self._control], [], [], SAMPLE)[0]:
                more = self._control.recv(4096)
                if not more:
                    return
                *lines, heard = (heard + more).split(b"\n")
                for text in lines:
                    self._obey(order(text))
            flying += self._server.in_flight
            samples += 1
            now = time.monotonic()
            if now - said >= SAY:
                times = self._times()
                wanted = max(after - earlier for after, earlier in zip(times, before, strict=True))
                self._control.sendall(line(self._load(min(1.0, wanted / (now - said)), flying / samples)))
                said, before, flying, samples = now, times, 0, 0

    def _load(self, busy: float, in_flight: float) -> Load:
        connections = len(self._server.server_state.connections)
        return Load(busy=busy, in_flight=in_flight, connections=connections, rss=self._process.memory_info().rss)

    def _obey(self, told: Order) -> None:
        match told:
            case Leave():
                self._loop.call_soon_threadsafe(self._leave)
            case Shed(share):
                self._loop.call_soon_threadsafe(self._server.shed, share)
            case _:
                assert_never(told)

    def _times(self) -> tuple[float, float]:
        """Seconds of processor time of the process, since threads beside the loop answer too; and those for which the loop's thread had a
        processor or waited for one, since on a full machine it is the wait that tells. The first again where the kernel does not say."""  # noqa: D205, D209 - two sentences
        times = self._process.cpu_times()
        used = times.user + times.system
        try:
            ran, waited = Path(f"/proc/self/task/{self._thread}/schedstat").read_text(encoding="ascii").split()[:2]
        except OSError:
            return used, used
        return used, (int(ran) + int(waited)) / 1e9
