"""Ids that no two runs share and that sort by when they were made, and which process a run lives in."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass

from headrace.store.clock import wall


def new_id() -> str:
    """32 hex digits of a UUID of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int(wall().timestamp() * 1000) & (1 << 48) - 1
    drawn = secrets.randbits(74)
    made = milliseconds << 80 | 0x7 << 76 | (drawn >> 62) << 64 | 0b10 << 62 | drawn & (1 << 62) - 1
    return f"{made:032x}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process, by what tells it from a later one of the same number: when it was born (seconds since 1970)."""

    host: str
    pid: int
    born: float

    @classmethod
    def mine(cls) -> Process:
        """This one."""
        import psutil

        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    @property
    def alive(self) -> bool:
        """Whether it still runs here; what runs on another machine is taken to be alive."""
        import psutil

        if self.host != socket.gethostname():
            return True
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.born) < 1.0)
        except psutil.NoSuchProcess:
            return False
