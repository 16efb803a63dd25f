"""The buckets of callers that several workers share: a file of slots that all of them hold in memory, so that a rate is the server's."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from hashlib import blake2b
from pathlib import Path

from headrace.compiled import RateConfig

CALLERS = 16_384
"""Slots. A caller takes one of a few that its name points at; where others have them all, the one whose bucket is nearest to full."""
_NEAR = 8
_SLOT = struct.Struct("<Qd")
_CLOSE = 1e-9


class SharedBuckets:
    """As `Buckets`, for all workers of one server together. `now` must be a clock that all processes of the machine share.

    A bucket is kept as the moment at which it will be full again. A look and its change are one under a lock of the slots that a caller
    may have: no two workers give the same request away.
    """

    def __init__(self, path: Path, rate: RateConfig) -> None:
        self._step = 1.0 / rate.per_second
        self._whole = rate.burst * self._step
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, CALLERS * _SLOT.size)
        self._slots = mmap.mmap(self._file, CALLERS * _SLOT.size)

    def take(self, who: str, now: float) -> float:
        """Take one: 0 where there was one, else in how many seconds there will be."""
        name = int.from_bytes(blake2b(who.encode(), digest_size=8).digest(), "little") or 1
        first = name % (CALLERS - _NEAR) * _SLOT.size
        fcntl.lockf(self._file, fcntl.LOCK_EX, _NEAR * _SLOT.size, first)
        try:
            at, full = self._slot(name, first)
            after = max(full, now) + self._step
            wait = after - now - self._whole
            if wait > _CLOSE:
                return wait
            _SLOT.pack_into(self._slots, at, name, after)
            return 0.0
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _NEAR * _SLOT.size, first)

    def _slot(self, name: int, first: int) -> tuple[int, float]:
        """Where a caller's slot is, and when its bucket is full; one that has none gets the slot that says most of nobody."""
        slots = [(at, *_SLOT.unpack_from(self._slots, at)) for at in range(first, first + _NEAR * _SLOT.size, _SLOT.size)]
        mine = next(((at, full) for at, owner, full in slots if owner == name), None)
        if mine is not None:
            return mine
        at, _, _ = min(slots, key=lambda slot: slot[2])
        return at, 0.0
