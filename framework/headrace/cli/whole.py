"""How a command writes a file: the old one stands, or the new one, whenever it is stopped and however full the disk is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Whole or not at all; OSError where it cannot be."""
    stream(path, (data,))


def stream(path: Path, parts: Iterable[bytes]) -> int:
    """The same of what is too much to hold at once, and whose making may fail; how many parts there were."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    count = 0
    try:
        with draft.open("wb") as file:
            for part in parts:
                file.write(part)
                count += 1
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count
