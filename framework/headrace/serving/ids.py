"""Ids of answers: UUIDs of version 7 as text, so that those of one time lie together in the store's index, without asking the kernel."""

from __future__ import annotations

import os
import time

_MANY = 256
_BYTES = 16
_VARIANT = "89ab"


class Ids:
    """A supply of ids; used by one thread."""

    def __init__(self) -> None:
        self._random, self._at, self._process = b"", 0, 0

    def new(self) -> str:
        """32 hexadecimal digits: the wall's milliseconds since 1970 in the first 12 (RFC 9562), and 74 random bits."""
        at = self._at
        # A process that was forked off must not go on with what its parent has.
        if at == len(self._random) or self._process != os.getpid():
            self._random, self._process = os.urandom(_MANY * _BYTES), os.getpid()
            at = 0
        self._at = at + _BYTES
        digits = self._random[at : self._at].hex()
        return f"{time.time_ns() // 1_000_000:012x}7{digits[13:16]}{_VARIANT[int(digits[16], 16) & 3]}{digits[17:]}"
