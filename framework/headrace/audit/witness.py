"""A witness: a file outside the database that takes a checkpoint only where it is shown to continue the last one that it took."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from headrace.audit.verify import Checkpoint, Findings, PublicKey, Refused, Witnessed, consistent, history, opened, witnessed

__all__ = ["Proof", "Witness"]

FILE = "checkpoints"
_TAIL = 1 << 14
"""Bytes that hold the last record: 64 hashes and a note are a third of it."""

Proof = Callable[[int], Sequence[bytes]]
"""What shows that the log of a checkpoint begins with that of so many entries; ValueError where it does not have them."""


class Witness:
    """One append-only file of checkpoints with their proofs."""

    def __init__(self, path: Path) -> None:
        """`path` is the file, or a folder that holds it as `checkpoints`."""
        self.path = path / FILE if path.is_dir() else path

    def records(self) -> list[Witnessed]:
        """All that it took, oldest first; none where there is no file. Refused where it cannot be read as one; OSError."""
        try:
            return witnessed(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise Refused("the witness's file is no text") from error

    def take(self, note: str, key: PublicKey, proof: Proof) -> bool:
        """Take a checkpoint; False where it is the last one again.

        `proof` is asked for the size of the last one. Refused where the note is not this key's, is of another log, is behind the last, or
        is of another history; OSError where the file cannot be written.
        """
        made = Checkpoint.parse(opened(note, key))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last = self._last(file, key)
            if last == made:
                return False
            steps = self._continues(last, made, proof) if last is not None else ()
            _append(file, str(Witnessed(last.size if last else 0, tuple(steps), note)).encode())
        return True

    def recover(self, record: Witnessed, key: PublicKey) -> None:
        """Take a checkpoint of a log that was put back to an older state, by the entry of it that gives up the last one taken.

        Refused where that is not so, or what is there is not sound; OSError.
        """
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            findings = Findings()
            history([*self.records(), record], key, findings, str(self.path))
            if findings.tampered:
                raise Refused(findings.tampered[0])
            _append(file, str(record).encode())

    def _continues(self, last: Checkpoint, made: Checkpoint, proof: Proof) -> Sequence[bytes]:
        if made.origin != last.origin:
            raise Refused(f"{self.path} is the witness of another log: {last.origin}")
        if made.size < last.size:
            raise Refused(f"{self.path} has a checkpoint of {last.size} entries, and the log has {made.size}")
        steps = proof(last.size)
        if not consistent(last.size, last.root, made.size, made.root, steps):
            raise Refused(f"the log does not begin with the {last.size} entries of the last checkpoint in {self.path}")
        return steps

    def _last(self, file: BinaryIO, key: PublicKey) -> Checkpoint | None:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        if not tail:
            return None
        start = tail.rfind(b"\n\nold ")
        try:
            records = witnessed(tail[start + 2 if start >= 0 else 0 :].decode())
        except UnicodeDecodeError as error:
            raise Refused("the witness's file is no text") from error
        return Checkpoint.parse(opened(records[-1].note, key))


def _append(file: BinaryIO, record: bytes) -> None:
    """Write a record whole, or none of it."""
    before = file.seek(0, os.SEEK_END)
    try:
        file.write(record)
        file.flush()
        os.fsync(file.fileno())
    except OSError:
        file.truncate(before)
        raise
