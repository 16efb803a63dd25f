"""Blobs as a whole: which there are and since when, and how one goes without being missed by who uploads it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from headrace.store import faults
from headrace.store.blobs import Blobs
from headrace.store.uploaded import uploaded_at


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes under a root: their digest, their count, and when they were last uploaded."""

    digest: str
    size: int
    at: datetime


def everything(blobs: Blobs) -> Iterator[Blob]:
    """Every blob, in no order; what is no blob, such as an upload that goes on, is passed over."""
    if blobs.folder is not None:
        yield from _in_folder(blobs.folder)
    else:
        yield from _afar(blobs.remote, blobs.base)


def remove(blobs: Blobs, digest: str, before: datetime) -> bool:
    """Take a blob away that was last uploaded before a moment; whether it went. HeadraceError store-unwritable."""
    key = f"sha256/{digest[7:9]}/{digest[7:]}"
    if blobs.folder is not None:
        return _remove_file(blobs.folder / key, before)
    path = f"{blobs.base}/{key}"
    try:
        if (at := uploaded_at(blobs.remote.info(path))) is None or at >= before:
            return False
        blobs.remote.rm_file(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise faults.unwritable(path, error) from error
    return True


def _in_folder(root: Path) -> Iterator[Blob]:
    for path in (root / "sha256").glob("??/*"):
        if len(path.name) == _DIGITS and path.is_file():
            told = path.stat()
            yield Blob(f"sha256:{path.name}", told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))


def _remove_file(path: Path, before: datetime) -> bool:
    """Aside first, then looked at again: who uploads the same bytes at this moment has made the file young, or finds none and writes it."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.rename(aside)
        if datetime.fromtimestamp(aside.stat().st_mtime, UTC) >= before:
            aside.rename(path)  # the bytes are the same, whoever wrote them
            return False
        aside.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise faults.unwritable(path.parent, error.strerror) from error
    return True


def _afar(remote: Any, base: str) -> Iterator[Blob]:  # noqa: ANN401 - a file system
    try:
        found = remote.find(f"{base}/sha256", detail=True)
    except FileNotFoundError:
        return
    for path, told in found.items():
        name = str(path).rpartition("/")[2]
        at = uploaded_at(told)
        # What tells no time is left alone: nobody knows that it is old.
        if len(name) == _DIGITS and at is not None:
            yield Blob(f"sha256:{name}", int(told["size"]), at)


_DIGITS = 64
