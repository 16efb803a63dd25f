"""Whether a shipper works at a spool: each holds a lock in its folder, which the kernel gives back when it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = ".shipper"


@contextmanager
def present(folder: Path) -> Iterator[None]:
    """Hold the lock, beside others."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(held, fcntl.LOCK_SH)
        yield
    finally:
        os.close(held)


def shipping_now(folder: Path) -> bool:
    """Whether anybody holds it."""
    try:
        held = os.open(folder / _FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False
