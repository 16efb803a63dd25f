"""Bytes by their digest, in a folder or under any fsspec URL: written whole or not at all, and checked whenever they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from headrace import afar
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.store import faults
from headrace.store.now import wall
from headrace.store.uploaded import FRESH, uploaded_at

_PART = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Blobs:
    """A root of blobs: `<root>/sha256/<two digits>/<64 digits>`."""

    def __init__(self, url: str, *, root: Path) -> None:
        """A relative folder is under `root`, and so is the folder of local copies, where the blobs are elsewhere.

        Raises HeadraceError: store-unwritable.
        """
        self._folder: Path | None = None
        self._remote: Any = None
        self._base = ""
        self._whole = False
        """Whether a file appears at once and whole when it is closed, so that none is moved into its place."""
        if "://" in url and not url.startswith("file://"):
            self._remote, self._base = _reached(url)
            self._whole = url.partition("://")[0] in afar.S3
            self._copies = root / ".headrace" / "cache" / "blobs"
        else:
            self._folder = root / url.removeprefix("file://")
            self._copies = self._folder
            _make(self._folder)

    def put(self, data: bytes) -> str:
        """Keep the bytes, and return their digest; what is there already stays, unless it was altered.

        Raises HeadraceError: store-unwritable.
        """
        name = digest(data)
        if self._folder is not None:
            if _sound(self._folder / _key(name), name) is None or not _renewed(self._folder / _key(name)):
                _write(self._folder / _key(name), data)
        else:
            self._upload(name, data)
        return name

    def get(self, digest: str) -> bytes:
        """The bytes. Raises HeadraceError: artifact-missing, artifact-altered (Exit.REFUSED)."""
        return _checked(self._read(digest), digest)

    @contextmanager
    def private(self, digest: str) -> Iterator[Path]:
        """A file of the caller's own with the bytes, for what reads by path; it goes when the block ends. Raises as `get`.

        What is hashed is what was written there, and nobody else is let into its folder: a blob that is swapped meanwhile changes nothing.
        """
        key = _key(digest)
        with TemporaryDirectory(prefix="headrace-blob-") as folder:
            copy = Path(folder) / key.rpartition("/")[2]
            found = sha256()
            with copy.open("xb") as file:
                for part in self._parts(digest, key):
                    found.update(part)
                    file.write(part)
            if (name := f"sha256:{found.hexdigest()}") != digest:
                raise _altered(digest, name)
            copy.chmod(0o400)
            yield copy

    def path(self, digest: str) -> Path:
        """Where the bytes lie on this machine, checked now: to look at. What opens them by path asks `private`. Raises as `get`."""
        local = self._copies / _key(digest)
        if self._folder is not None:
            self.get(digest)
        elif _sound(local, digest) is None:
            _write(local, self.get(digest))
        return local

    @property
    def folder(self) -> Path | None:
        """Where they are, if that is a folder of this machine."""
        return self._folder

    @property
    def remote(self) -> Any:  # noqa: ANN401 - a file system
        """The file system that they are on elsewhere, under `base`; None where they are in `folder`."""
        return self._remote

    @property
    def base(self) -> str:
        """The path of their root there."""
        return self._base

    def keep(self, digest: str) -> bool:
        """Whether there are bytes under this digest, which are as if uploaded now: for who is about to refer to them."""
        if not self.exists(digest):
            return False
        self.put(self.get(digest))
        return True

    def exists(self, digest: str) -> bool:
        """Whether there are bytes under this digest; says nothing of their soundness."""
        if self._folder is not None:
            return (self._folder / _key(digest)).is_file()
        return bool(self._remote.exists(f"{self._base}/{_key(digest)}"))

    def _read(self, digest: str) -> bytes:
        key = _key(digest)
        with self._faults(digest):
            if self._folder is not None:
                return (self._folder / key).read_bytes()
            found: bytes = self._remote.cat_file(f"{self._base}/{key}")
            return found

    def _parts(self, digest: str, key: str) -> Iterator[bytes]:
        with self._faults(digest):
            file = (self._folder / key).open("rb") if self._folder is not None else self._remote.open(f"{self._base}/{key}", "rb")
            with file:
                while part := file.read(_PART):
                    yield part

    @contextmanager
    def _faults(self, digest: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the artifact {digest} is not among the blobs, or cannot be read: {error.strerror or error}"
            raise HeadraceError(
                Diagnostic("artifact-missing", message, help="put the blobs' folder back from its backup"), Exit.REFUSED
            ) from error

    def _upload(self, digest: str, data: bytes) -> None:
        final = f"{self._base}/{_key(digest)}"
        temporary = f"{final}.{uuid4().hex}"
        try:
            if self._remote.exists(final) and self._fresh(final):
                return
            if self._whole:
                self._remote.pipe_file(final, data)
                self._refuse_other(digest, final)
                return
            self._remote.makedirs(final.rpartition("/")[0], exist_ok=True)
            self._remote.pipe_file(temporary, data)
            self._remote.mv(temporary, final)
        except OSError as error:
            raise faults.unwritable(self._base, error) from error

    def _fresh(self, path: str) -> bool:
        """Whether it was uploaded lately; what is older is uploaded again, so that nobody takes it for one that is of no use any more."""
        at = uploaded_at(self._remote.info(path))
        return at is None or wall() - at < FRESH

    def _refuse_other(self, name: str, path: str) -> None:
        """Read back what was written: a client that was cut short may have closed a part, and its name would be believed."""
        if digest(self._remote.cat_file(path)) != name:
            self._remote.rm_file(path)
            raise faults.unwritable(self._base, "what was written came back as something else")


def _reached(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there; HeadraceError `blobs-driver` where it is not installed."""
    try:
        return afar.file_system(url)
    except ImportError as error:
        scheme = url.partition("://")[0]
        driver = afar.DRIVERS.get(scheme, str(error.name or scheme))
        message = f"what reaches blobs at `{scheme}://` is not installed"
        raise HeadraceError(Diagnostic("blobs-driver", message, help=f"type `pip install {driver}`")) from None


def _key(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise HeadraceError(Diagnostic("artifact-missing", f"`{digest}` is no digest of an artifact"), Exit.REFUSED)
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}/{digits[:2]}/{digits}"


def _checked(data: bytes, expected: str) -> bytes:
    if (found := digest(data)) != expected:
        raise _altered(expected, found)
    return data


def _altered(expected: str, found: str) -> HeadraceError:
    message = f"the artifact {expected} was altered after it was written: its bytes have the digest {found}"
    return HeadraceError(Diagnostic("artifact-altered", message, help="put the blobs' folder back from its backup"), Exit.REFUSED)


def _sound(path: Path, expected: str) -> Path | None:
    try:
        return path if digest(path.read_bytes()) == expected else None
    except OSError:  # not there, or not to be read: writing it again tells which
        return None


def _renewed(path: Path) -> bool:
    """Give a file the time of now, so that nobody takes it for one that is of no use any more; False where that cannot be."""
    try:
        os.utime(path)
    except OSError:  # not there, or another's: writing it again tells which
        return False
    return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise faults.unwritable(folder, error.strerror) from error


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o444)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise faults.unwritable(path.parent, error.strerror) from error
