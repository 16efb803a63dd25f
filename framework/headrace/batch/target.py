"""Where answers go: a file of this machine, or a URL that fsspec reaches; it appears whole and at once, or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from headrace import afar
from headrace.batch.folder import settle
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.spec.source import ENGINES

Format = Literal["parquet", "csv"]
_FORMATS: dict[str, Format] = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
_PIECE = 1 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """One file of answers."""

    told: str
    """As it was written, for messages."""
    format: Format
    path: Path | None
    """None where it is not of this machine."""

    @property
    def identity(self) -> str:
        """The same for two ways of writing one place."""
        return str(self.path) if self.path is not None else self.told

    def beside(self) -> Target:
        """Where the bad rows go: `out/scores.parquet` has `out/scores.bad.parquet`."""
        stem, _, ending = self.told.rpartition(".")
        path = self.path.with_name(f"{self.path.stem}.bad{self.path.suffix}") if self.path is not None else None
        return Target(f"{stem}.bad.{ending}", self.format, path)


def parse(root: Path, text: str) -> Target:
    """The target that a text means, from the project's folder; HeadraceError `unknown-format` where nothing writes such a file."""
    scheme, separator, _ = text.partition("://")
    ending = Path(text.partition("?")[0] if separator else text).suffix.lower()
    if separator and scheme.partition("+")[0] in ENGINES:
        raise _unknown(f"{scheme}:// is a database, and no file")
    if ending not in _FORMATS:
        raise _unknown(f"{text} names no format in which answers are written")
    if separator and scheme != "file":
        return Target(text, _FORMATS[ending], None)
    path = root / (url2pathname(urlsplit(text).path) if separator else text)
    return Target(text, _FORMATS[ending], path.resolve())


def _unknown(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("unknown-format", message, help="end it with `.parquet` or `.csv`"), Exit.INVALID)


def there(target: Target) -> bool:
    """Whether something stands there; HeadraceError `output-unwritable` where nobody can tell."""
    if target.path is not None:
        return target.path.exists()
    return _reaching(target, lambda system, path: bool(system.exists(path)))


def digest(target: Target) -> str | None:
    """The digest of what stands there; None where nothing does."""
    if not there(target):
        return None
    if target.path is not None:
        with target.path.open("rb") as file:
            return of_stream(file)

    def read(system: Any, path: str) -> str:  # noqa: ANN401 - fsspec's
        with system.open(path, "rb") as file:
            return of_stream(file)

    return _reaching(target, read)


def of_stream(file: IO[bytes]) -> str:
    """The digest of all bytes of a file."""
    total = hashlib.sha256()
    while piece := file.read(_PIECE):
        total.update(piece)
    return f"sha256:{total.hexdigest()}"


def workplace(target: Target, run_id: str, folder: Path) -> Path:
    """Where its file is made: on the same file system, so that a new name is all that it needs; in the run's folder for a URL."""
    if target.path is None:
        return folder / f"whole-{hashlib.sha256(target.told.encode()).hexdigest()[:12]}"
    target.path.parent.mkdir(parents=True, exist_ok=True)
    return target.path.with_name(f".{target.path.name}.{run_id}")


def publish(made: Path, target: Target, expected: str) -> None:
    """Give a file that is whole its place; HeadraceError `output-unwritable`, and what was there before stays as it was.

    To S3 it is sent once and seen when all of it is there. What came back as something else is removed.
    """
    if target.path is not None:
        handle = os.open(made, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        made.replace(target.path)
        settle(target.path.parent)
        return

    def send(system: Any, path: str) -> None:  # noqa: ANN401 - fsspec's
        whole = target.told.partition("://")[0] in afar.S3
        beside = path if whole else f"{path}.{made.name}"
        if not whole:
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
        system.put_file(str(made), beside)
        if not whole:
            system.mv(beside, path)

    _reaching(target, send)
    if digest(target) != expected:
        remove(target)
        raise _unwritable(target, "what was written came back as something else")
    made.unlink()


def remove(target: Target) -> None:
    """Let nothing stand there."""
    if target.path is not None:
        target.path.unlink(missing_ok=True)
    elif there(target):
        _reaching(target, lambda system, path: system.rm_file(path))


def _reaching(target: Target, ask: Callable[[Any, str], T]) -> T:
    """Ask the file system of a URL; whatever its driver raises is told without its text, in which a secret may stand."""
    scheme = target.told.partition("://")[0]
    try:
        system, path = afar.file_system(target.told)
    except ImportError as error:
        driver = afar.DRIVERS.get(scheme, str(error.name or scheme))
        message = f"what writes to `{scheme}://` is not installed"
        raise HeadraceError(Diagnostic("output-unwritable", message, help=f"type `pip install {driver}`")) from None
    except ValueError:
        help_ = "write a path, or a URL that fsspec knows"
        raise HeadraceError(Diagnostic("output-unwritable", f"`{scheme}://` is not written to", help=help_)) from None
    try:
        return ask(system, path)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises
        said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        raise _unwritable(target, said) from None


def _unwritable(target: Target, why: str) -> HeadraceError:
    message = f"{target.told} cannot be written: {why}"
    help_ = "see that it can be reached and written; what is done is kept, and goes on with `--resume`"
    return HeadraceError(Diagnostic("output-unwritable", message, help=help_))
