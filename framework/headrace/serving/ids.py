"""Ids of answers: UUIDs of version 7 as text, so that those of one time lie together in the store's index, without asking the kernel."""

from __future__ import annotations

import os
import time

_MANY = 256
_DIGITS = 32
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class Ids:
    """A supply of ids; used by one thread."""

    def __init__(self) -> None:
        self._digits, self._at, self._process = "", 0, 0

    def new(self) -> str:
        """32 hexadecimal digits: the wall's milliseconds since 1970 in the first 12 (RFC 9562), and 74 random bits."""
        at = self._at
        # A process that was forked off must not go on with what its parent has.
        if at == len(self._digits) or self._process != os.getpid():
            self._digits, self._process = os.urandom(_MANY * _DIGITS // 2).hex(), os.getpid()
            at = 0
        digits, self._at = self._digits, at + _DIGITS
        random = f"7{digits[at + 13 : at + 16]}{_VARIANTS[digits[at + 16]]}{digits[at + 17 : at + _DIGITS]}"
        return f"{time.time_ns() // 1_000_000:012x}{random}"
