"""Ids of answers: UUIDs of version 7 as text, so that those of one time lie together in the store's index, without asking the kernel."""

from __future__ import annotations

import os
import time

_MANY = 256
_BYTES = 16
_PLACES = 32
_VERSION, _VARIANT = bytes(0x70 | byte & 0x0F for byte in range(256)), bytes(0x80 | byte & 0x3F for byte in range(256))


class Ids:
    """A supply of ids; used by one thread."""

    def __init__(self) -> None:
        self._drawn: list[str] = []
        self._process = 0

    def new(self) -> str:
        """32 hexadecimal digits: the wall's milliseconds since 1970 in the first 12 (RFC 9562), and 74 random bits."""
        return self.at(time.time_ns() // 1_000_000)

    def at(self, milliseconds: int) -> str:
        """The same of a moment that was read already."""
        # A process that was forked off must not go on with what its parent has.
        if not self._drawn or self._process != os.getpid():
            self._drawn, self._process = _drawn(_MANY), os.getpid()
        return f"{milliseconds:012x}{self._drawn.pop()}"


def fresh_ids(size: int) -> list[str]:
    """So many ids of this moment, as `Ids` gives them."""
    begun = f"{time.time_ns() // 1_000_000:012x}"
    return [begun + rest for rest in _drawn(size)]


def _drawn(size: int) -> list[str]:
    """What stands behind the milliseconds, of so many: many cost little more than one."""
    drawn = bytearray(os.urandom(size * _BYTES))
    drawn[6::_BYTES] = drawn[6::_BYTES].translate(_VERSION)
    drawn[8::_BYTES] = drawn[8::_BYTES].translate(_VARIANT)
    digits = drawn.hex()
    return [digits[at + 12 : at + _PLACES] for at in range(0, len(digits), _PLACES)]
