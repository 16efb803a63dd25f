"""Bytes that may run code when they are read: pickles, plain, compressed, or within an archive; none of them is handed to a reader.

A digest says that bytes are those that were written, and never that reading them is harmless.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

__all__ = ["refuse_code", "runs_code"]

_LOOKED = 1 << 20
"""So many bytes of what is compressed are looked at: a pickle says what it is in its first ones."""
_OPERATIONS = 10_000
_MEMBERS = 10_000
_NAMES = (".pkl", ".pickle", ".joblib", ".dill")
_PROTOCOL = re.compile(rb"\x80[\x02-\x0f]")
_GLOBAL = re.compile(r"[A-Za-z_][\w.]* [A-Za-z_][\w.]*")
_CALLS = {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_OBJECTS = re.compile(rb"\x93NUMPY..[\s\S]{0,400}?'descr': ?'?\|?O")
_COMPRESSED: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda data: gzip.GzipFile(fileobj=io.BytesIO(data)).read(_LOOKED)),
    (b"BZh", lambda data: bz2.BZ2Decompressor().decompress(data, _LOOKED)),
    (b"\xfd7zXZ\x00", lambda data: lzma.LZMADecompressor().decompress(data, _LOOKED)),
    (b"\x5d\x00\x00", lambda data: lzma.LZMADecompressor().decompress(data, _LOOKED)),
    (b"\x78", lambda data: zlib.decompressobj().decompress(data, _LOOKED)),
)


def refuse_code(data: bytes, what: str) -> None:
    """HeadraceError `unsafe-format` (Exit.REFUSED) where reading a model's bytes may run code; `what` is what they are of."""
    why = runs_code(data)
    if why is not None:
        message = f"{what} is {why}: reading it would run whatever it says"
        help_ = "save it as LightGBM's text, skops, safetensors, ONNX or JSON"
        raise HeadraceError(Diagnostic("unsafe-format", message, help=help_), Exit.REFUSED)


def runs_code(data: bytes) -> str | None:
    """What the bytes are, if they are of a kind that runs code when it is read; None otherwise."""
    if (why := _plain(data)) is not None:
        return why
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(data)
    for magic, opened in _COMPRESSED:
        if data.startswith(magic):
            try:
                inner = opened(data)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):  # it only looked like one
                continue
            if (why := _plain(inner)) is not None:
                return f"{why}, compressed"
    return None


def _plain(data: bytes) -> str | None:
    if _PROTOCOL.match(data) and _operations(data) > 1:
        return "a pickle"
    if _OBJECTS.match(data):
        return "an array of pickled objects"
    return "a pickle of an old protocol" if _old(data) else None


def _operations(data: bytes) -> int:
    """How many operations of a pickle the bytes begin with, up to two: the length before a safetensors header may look like the first."""
    found = 0
    try:
        for found, _ in enumerate(pickletools.genops(data[:_LOOKED]), start=1):
            if found > 1:
                break
    except Exception:  # noqa: BLE001 - whatever comes after is none
        return found
    return found


def _old(data: bytes) -> bool:
    """Whether the bytes, read as a pickle without a head (protocols 0 and 1), name a callable and call it."""
    named = False
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(data[:_LOOKED])):
            if count > _OPERATIONS:
                return False
            if code.name in {"GLOBAL", "INST"}:
                named = named or _GLOBAL.fullmatch(str(argument)) is not None
            if code.name == "STACK_GLOBAL":
                named = True
            if named and code.name in _CALLS:
                return True
    except Exception:  # noqa: BLE001 - no pickle at all, in whichever way
        return False
    return False


def _archive(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS:
                return f"an archive of {len(members):,} files"
            for member in members:
                if member.filename.lower().endswith(_NAMES):
                    return f"an archive with the pickle `{member.filename[:80]}`"
                with archive.open(member) as file:
                    if (why := _plain(file.read(min(_LOOKED, max(member.file_size, 0))))) is not None:
                        return f"an archive with `{member.filename[:80]}`, {why}"
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, zlib.error):
        return None  # whoever reads it says what is wrong with it
    return None
