"""The spool of one server: segments that one process appends to, one write a record or a batch, bounded in bytes."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from headrace.journal.block import PredictionBlock, encode_block
from headrace.journal.personal import Journalled, Keys, Personal
from headrace.journal.records import PredictionRecord, Record, encode_at, encode_fields, encode_key
from headrace.journal.segment import HEADER, MAX_BODY, SUFFIX
from headrace.store.now import wall_microseconds

SEGMENT_BYTES = 64 * 1024 * 1024
MAX_BYTES = 4 * 1024 * 1024 * 1024
_LOOK_SECONDS = 1.0


class SpoolFull(OSError):  # noqa: N818 - a state that the caller answers with 503, as it does an OSError
    """The spool holds as many bytes as it may, or its disk does."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ENOSPC, message)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a spool promises: how much it holds, whether a record is on the disk when it is acknowledged, and what it does where it cannot
    take one.

    `max_bytes` bounds all segments of the folder, of all processes. `drop`: a prediction that cannot be journalled is counted, and may be
    answered all the same; an outcome is never dropped, since being kept is all that it is for.
    """  # noqa: D205 - one list, one sentence

    segment_bytes: int = SEGMENT_BYTES
    max_bytes: int = MAX_BYTES
    strict: bool = False
    drop: bool = False
    personal: Personal | None = None


class Spool:
    """Appends records to segments of its own; open it after forking. Threads may share it.

    A record is in the kernel's hands when `append` returns: it survives a `kill -9` of this process. The shipper brings it to the disk,
    so that a loss of power costs what was appended since the shipper's last pass; a `strict` one is on the disk when `append` returns.
    """

    def __init__(self, folder: Path, terms: Terms) -> None:
        self.terms = terms
        self.dropped = 0
        """Predictions that were not journalled, and may have been answered."""
        self.refused = 0
        """Records that were not journalled, and whose caller was told so."""
        self._folder = folder
        self._lock = threading.Lock()
        self._strict, self._personal = terms.strict, terms.personal
        self._others = self._room = self._lacked = self._named = 0
        self._look_by = float("-inf")
        self._closed = False
        self._keys = Journalled()
        self._open_segment()

    @classmethod
    def open(cls, folder: Path, terms: Terms | None = None) -> Spool:
        """A spool with a fresh segment in the folder, which is made. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, terms or Terms())

    @property
    def held(self) -> int:
        """How many bytes all segments of the folder have, shipped or not."""
        with self._lock:
            self._look()
            return self._others + self._size

    @property
    def full(self) -> bool:
        """Whether what was last refused for want of room would be refused now."""
        with self._lock:
            self._look()
            return self._others + self._size + self._lacked > self.terms.max_bytes

    def append(self, record: Record) -> None:
        """Journal one record, by one write.

        Raises SpoolFull, or another OSError: then nothing was journalled, and the caller must not answer (a spool that drops counts a
        prediction instead); ValueError and TypeError as `encode`.
        """
        try:
            if self._personal is None:
                self._put(_framed(encode_at(record, wall_microseconds())), several=False)
            else:
                self._put_veiled(self._personal, (record,))
        except OSError:
            if not self._may_miss((record,)):
                raise

    def append_all(self, records: Sequence[Record]) -> None:
        """Journal all of some records, or none, by one write; raises as `append`.

        Where the process is killed within the write, or the disk takes a part of it, the first of them may be journalled all the same.
        """
        if not records:
            return
        try:
            if self._personal is None:
                self._put(b"".join([_framed(encode_at(record, wall_microseconds())) for record in records]), several=len(records) > 1)
            else:
                self._put_veiled(self._personal, records)
        except OSError:
            if not self._may_miss(records):
                raise

    def framed(self, fields: tuple[Any, ...], inputs: dict[str, Any], answer: dict[str, float] | None) -> bytes:
        """A prediction for `append_together`, of a spool that is `plain`; as `encode_fields`, and an OSError where it is too long."""
        return _framed(encode_fields(fields, inputs, answer))

    def append_together(self, frames: Sequence[bytes]) -> list[OSError | None]:
        """Journal predictions that `framed` gave by one write, or, where that fails, each by its own.

        Nothing where all may be answered; otherwise of each why it may not be, or None. What was refused, or dropped, is counted.
        """
        try:
            self._put(b"".join(frames), several=len(frames) > 1)
        except OSError as error:
            if len(frames) == 1:
                return [] if self._may_miss_some(1) else [error]
        else:
            return []
        # Of what a torn write left in the segment the store has each once, however often it is there.
        faults = [fault for frame in frames for fault in self.append_together([frame]) or [None]]
        return faults if any(faults) else []

    @property
    def plain(self) -> bool:
        """Whether what is journalled is written as it is, so that a batch may be written by column."""
        return self._personal is None

    def append_block(self, block: PredictionBlock) -> None:
        """Journal all rows of a block by one write; raises, and counts, as `append_all`. AssertionError where columns are to be veiled."""
        if not self.plain:
            raise AssertionError(block.model)
        bodies = encode_block(block, wall_microseconds())
        try:
            self._put(b"".join([HEADER.pack(len(body), zlib.crc32(body)) + body for body in bodies]), several=len(bodies) > 1)
        except OSError:
            if not self._may_miss_some(len(block)):
                raise

    def close(self) -> None:
        """End the segment: the shipper may delete it once it is shipped. Nothing is appended afterwards."""
        with self._lock:
            self._closed = True
            self._close_segment()
            self._size = self._room = 0

    def _put_veiled(self, personal: Personal, records: Sequence[Record]) -> None:
        """The records as they may be written, behind the keys of subjects that were not journalled yet."""
        keys, now = Keys(self._keys), wall_microseconds()
        bodies = [encode_at(personal.veil(record, keys), now) for record in records]
        made = [encode_key(key.record, now) for key in keys.fresh.values()]
        self._put(b"".join(map(_framed, made + bodies)), several=len(made) + len(bodies) > 1)
        # Not before: what a key that was never written encrypts would be lost.
        self._keys.keep(keys.fresh)
        # Where a segment was begun for these records, the keys that they use are in the one before: it may be damaged and this one not.
        if left := {subject: key for subject, key in keys.used.items() if subject not in self._keys}:
            with suppress(OSError):
                self._put(b"".join(_framed(encode_key(key.record, now)) for key in left.values()), several=True)
                self._keys.keep(left)

    def _put(self, data: bytes, *, several: bool) -> None:
        wanted = len(data)
        with self._lock:
            if wanted > self._room or time.monotonic() > self._look_by:
                self._reserve(wanted)
            try:
                written = os.write(self._file, data)
            except OSError:
                self._make_way()
                raise
            if written != wanted:
                self._mend(several=several)
                raise SpoolFull(f"the disk took {written} of {wanted} bytes")
            if self._strict:
                self._sync()
            self._size += written
            self._room -= written

    def _may_miss(self, records: Sequence[Record]) -> bool:
        """Count what is not journalled; whether it may be answered all the same."""
        return self._may_miss_some(len(records), kept=any(not isinstance(record, PredictionRecord) for record in records))

    def _may_miss_some(self, count: int, *, kept: bool = False) -> bool:
        """The same of so many, which must be `kept` or not."""
        if self.terms.drop and not self._closed and not kept:
            self.dropped += count
            return True
        self.refused += count
        return False

    def _open_segment(self) -> None:
        self._file, self._size, self._room = -1, 0, 0
        # So that a segment that is lost takes no key along that others need.
        self._keys.clear()
        # Segments are shipped in the order of their names, which is that of their records though the clock were set back.
        self._named = max(time.time_ns(), self._named + 1)
        name = f"{self._named:020d}-{os.getpid()}-{uuid4().hex[:8]}"
        hidden, final = self._folder / f".{name}", self._folder / f"{name}{SUFFIX}"
        file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            # A shipper deletes segments that nobody holds locked: lock first, then show it.
            fcntl.flock(file, fcntl.LOCK_EX)
            hidden.rename(final)
            if self.terms.strict:
                _sync_folder(self._folder)
        except OSError:
            os.close(file)
            hidden.unlink(missing_ok=True)
            raise
        self._file = file

    def _close_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _rotate(self) -> None:
        self._close_segment()
        self._open_segment()

    def _reserve(self, wanted: int) -> None:
        """A segment that takes so many bytes, within the bound; SpoolFull, or another OSError."""
        if self._closed:
            raise OSError(errno.EBADF, "the spool is closed")
        if self._file < 0:
            self._open_segment()  # a disk that had no room for one may have it again
        elif self._size and self._size + wanted > self.terms.segment_bytes:
            self._rotate()
        self._look()
        if self._others + self._size + wanted > self.terms.max_bytes and self._size:
            self._rotate()  # so that the shipper may delete what is shipped of ours
            self._look()
        if self._others + self._size + wanted > self.terms.max_bytes:
            self._lacked = wanted
            raise SpoolFull(f"the spool holds {self._others + self._size} of {self.terms.max_bytes} bytes: is the shipper running?")

    def _look(self) -> None:
        """What all segments hold, and how much may be appended before it is looked at again."""
        mine = os.fstat(self._file).st_ino if self._file >= 0 else None
        self._others = 0
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # shipped and deleted meanwhile
                found = path.stat()
                self._others += found.st_size if found.st_ino != mine else 0
        self._look_by = time.monotonic() + _LOOK_SECONDS
        self._room = min(self.terms.segment_bytes, self.terms.max_bytes - self._others) - self._size

    def _sync(self) -> None:
        try:
            os.fdatasync(self._file)
        except OSError:
            # The kernel forgets what it could not bring to the disk: nothing may follow it in this segment.
            self._take_back()
            self._rotate()
            raise

    def _mend(self, *, several: bool) -> None:
        """After a write that was not whole. Of several records the shipper may have seen the first, and passed them: it would pass over
        what came in their place."""  # noqa: D205, D209 - two sentences
        if not self._take_back() or several:
            self._rotate()
        else:
            self._make_way()

    def _make_way(self) -> None:
        """Where a disk takes no more: what is shipped of ours may be deleted once nobody appends to it, and is what gives room again."""
        if self._size:
            with suppress(OSError):  # the next append tries again
                self._rotate()

    def _take_back(self) -> bool:
        """Whether the segment ends where it ended before the write. What is torn stays at the end of one that nobody appends to; the
        shipper steps over it."""  # noqa: D205, D209 - two sentences
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            return False
        return True


def _framed(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise OSError(errno.EMSGSIZE, f"a record of {len(body)} bytes is longer than the {MAX_BODY} that the spool takes")
    return HEADER.pack(len(body), zlib.crc32(body)) + body


def _sync_folder(folder: Path) -> None:
    """So that a new segment's name survives a loss of power, too."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)
