"""The spool of one server: segments that one process appends to, one write a record, bounded in bytes."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from headrace.journal.block import PredictionBlock, encode_block
from headrace.journal.records import Record, encode
from headrace.journal.segment import MAX_BODY, SUFFIX, frame
from headrace.store.clock import wall

SEGMENT_BYTES = 64 * 1024 * 1024
MAX_BYTES = 4 * 1024 * 1024 * 1024
_LOOK_SECONDS = 1.0
_Data = bytes  # `Spool.bytes` is something else


class SpoolFull(OSError):  # noqa: N818 - a state that the caller answers with 503, as it does an OSError
    """The spool holds as many bytes as it may, or its disk does."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ENOSPC, message)


class Spool:
    """Appends records to segments of its own; open it after forking. Threads may share it.

    A record is in the kernel's hands when `append` returns: it survives a `kill -9` of this process. The shipper brings it to the disk,
    so that a loss of power costs what was appended since the shipper's last pass.
    """

    def __init__(self, folder: Path, segment_bytes: int, max_bytes: int) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._others = 0
        self._looked = float("-inf")
        self._open_segment()

    @classmethod
    def open(cls, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, max_bytes: int = MAX_BYTES) -> Spool:
        """A spool with a fresh segment in the folder, which is made. `max_bytes` bounds all segments of the folder, of all processes.

        Raises OSError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, segment_bytes, max_bytes)

    @property
    def bytes(self) -> int:
        """The size of all segments of the folder, shipped or not."""
        with self._lock:
            self._look()
            return self._others + self._size

    def append(self, record: Record) -> None:
        """Journal one record, by one write.

        Raises SpoolFull, or another OSError: then nothing was journalled, and the caller must not answer; ValueError and TypeError as
        `encode`.
        """
        body = encode(record, wall())
        if len(body) > MAX_BODY:
            raise OSError(errno.EMSGSIZE, f"a record of {len(body)} bytes is longer than the {MAX_BODY} that the spool takes")
        self._put(frame(body))

    @property
    def plain(self) -> bool:
        """Whether what is journalled is written as it is, so that a batch may be written by column."""
        # Terms may say that personal columns are veiled record by record; a spool without any writes all as it is.
        return getattr(getattr(self, "terms", None), "personal", None) is None

    def append_block(self, block: PredictionBlock) -> None:
        """Journal all rows of a block, or none, by one write; raises as `append`.

        A process that is killed within the write may leave the first of them, none of which was acknowledged.
        """
        self._put(b"".join(map(frame, encode_block(block, wall()))))

    def _put(self, data: _Data) -> None:
        with self._lock:
            if self._size and self._size + len(data) > self._segment_bytes:
                self._rotate()
            self._reserve(len(data))
            written = os.write(self._file, data)
            if written != len(data):
                self._mend()
                raise SpoolFull(f"the disk took {written} of {len(data)} bytes")
            self._size += written

    def close(self) -> None:
        """End the segment: the shipper may delete it once it is shipped. Nothing is appended afterwards."""
        with self._lock:
            self._close_segment()

    def _open_segment(self) -> None:
        name = f"{time.time_ns():020d}-{os.getpid()}-{uuid4().hex[:8]}"
        hidden, final = self._folder / f".{name}", self._folder / f"{name}{SUFFIX}"
        self._file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        # A shipper deletes segments that nobody holds locked: lock first, then show it.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        hidden.rename(final)
        self._size = 0

    def _close_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _rotate(self) -> None:
        self._close_segment()
        self._open_segment()
        self._look()

    def _reserve(self, wanted: int) -> None:
        if self._file < 0:
            raise OSError(errno.EBADF, "the spool is closed")
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()
        if self._others + self._size + wanted <= self._max_bytes:
            return
        if self._size:
            self._rotate()  # so that the shipper may delete what is shipped of ours
        self._look()
        if self._others + self._size + wanted > self._max_bytes:
            raise SpoolFull(f"the spool holds {self._others + self._size} of {self._max_bytes} bytes: is the shipper running?")

    def _look(self) -> None:
        mine = os.fstat(self._file).st_ino if self._file >= 0 else None
        self._others = 0
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # shipped and deleted meanwhile
                found = path.stat()
                self._others += found.st_size if found.st_ino != mine else 0
        self._looked = time.monotonic()

    def _mend(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            # What is torn stays at the end of a segment that nobody appends to; the shipper steps over it.
            self._rotate()
