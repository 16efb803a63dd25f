"""The file of a private key: made once, whole, for its owner's eyes alone, and read only where nobody else can."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

__all__ = ["Exposed", "appear", "held"]

_OTHERS = 0o077


class Exposed(Exception):  # noqa: N818 - what it says of a file, not of a program
    """Others than its owner may read the file; `mode` is what they may."""

    def __init__(self, mode: int) -> None:
        super().__init__(f"{mode:03o}")
        self.mode = mode


def appear(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Make a file whole or not at all; of several processes at once one does, and nothing happens where it is there. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)


def held(path: Path) -> bytes:
    """What is in it. Exposed where others may read it; OSError."""
    with path.open("rb") as file:
        # Of the file that is read, not of whatever has its name a moment later.
        if mode := os.fstat(file.fileno()).st_mode & _OTHERS:
            raise Exposed(mode)
        return file.read()
