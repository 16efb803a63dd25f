"""Whether bytes hold a pickle, wherever in them: reading one runs whatever it says, so none belongs into a model's file.

Nothing is unpickled: opcodes are read by `pickletools`, of the bytes themselves, of what stands in archives and compressed streams, and of
text in base64.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import lzma
import pickletools
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_RUNS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4"})
"""The opcodes by which a pickle imports, or calls what it imported."""
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})
_NAMED = frozenset({"GLOBAL", "INST"})
"""Those of them whose argument is the name of what is imported."""
_NAME = re.compile(r"[A-Za-z_][\w.]*( [A-Za-z_][\w.]*)?", re.ASCII)
_BINARY = re.compile(rb"\x80[\x02-\x05]")
"""How a pickle of protocol 2 and later begins."""
_TEXT = re.compile(rb"(?:c|\(i)[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
"""An import in a pickle of protocol 0."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_DEEPEST = 4
_MOST = 512_000_000
"""Bytes that are unpacked at most: more is a bomb, and is told as one."""
_OPCODES = 100_000
_STARTS = 20_000


@dataclass(frozen=True, slots=True)
class Pickle:
    """A pickle that was found: in which part of the bytes, and which opcodes of it run code."""

    where: str
    runs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where} holds a pickle" + (f" ({', '.join(self.runs)})" if self.runs else "")


class Unscannable(Exception):  # noqa: N818 - a finding: what cannot be looked through is not known to be safe
    """Why bytes could not be looked through."""


def pickles(data: bytes, where: str = "the file") -> Iterator[Pickle]:
    """The pickles in some bytes; Unscannable where they cannot all be looked through."""
    yield from _within(data, where, 0, [_MOST])


def _within(data: bytes, where: str, depth: int, left: list[int]) -> Iterator[Pickle]:
    left[0] -= len(data)
    if left[0] < 0:
        raise Unscannable(f"{where} unpacks to more than {_MOST:,} bytes")
    if depth > _DEEPEST:
        raise Unscannable(f"{where} is packed more than {_DEEPEST} times")
    yield from _plain(data, where)
    for name, inner in _parts(data, left):
        yield from _within(inner, f"{where}, {name}", depth + 1, left)


def _plain(data: bytes, where: str) -> Iterator[Pickle]:
    """The first pickle that stands in bytes as they are: at any place, since a loader may be told to begin there."""
    starts = {0: None} | {found.start(): None for pattern in (_BINARY, _TEXT) for found in pattern.finditer(data)}
    if len(starts) > _STARTS:
        raise Unscannable(f"{where} looks like a pickle at more than {_STARTS:,} places")
    for start in starts:
        # A model's numbers may look like a beginning; what no pickle runs is none that harms. At the very start it is one in any case.
        runs = _opcodes(data, start)
        if runs is not None and (runs or (start == 0 and _BINARY.match(data))):
            yield Pickle(where if start == 0 else f"{where} from byte {start:,}", tuple(sorted(runs)))
            return


def _opcodes(data: bytes, start: int) -> set[str] | None:
    """Those of a pickle that run code; None where there is no pickle: it imports nothing, or breaks off before it calls what it imports.

    Packed numbers look like a pickle here and there; an import is one where it names a module and something in it.
    """
    runs: set[str] = set()
    names = 0
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        for count, (opcode, argument, _) in enumerate(_read(stream)):
            named = isinstance(argument, str) and _NAME.fullmatch(argument) is not None
            names += named
            if opcode.name in _RUNS and (named or opcode.name not in _NAMED) and (names > 1 or opcode.name != "STACK_GLOBAL"):
                runs.add(opcode.name)
            if count > _OPCODES:
                break
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, UnicodeDecodeError):
        # What was imported and called before a fault has run by then.
        return runs if runs & _IMPORTS and runs - _IMPORTS | runs & {"INST"} else None
    return runs if runs & _IMPORTS or start == 0 else None


def _read(stream: io.BytesIO) -> Iterator[Any]:
    """The opcodes from where a stream stands; what looks like text with odd escapes is no matter of a reader's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield from pickletools.genops(stream)


def _parts(data: bytes, left: list[int]) -> Iterator[tuple[str, bytes]]:
    """What bytes are packed of, by name."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        yield from _members(data, left)
    for name, unpack in (("unpacked by gzip", _gzip), ("unpacked by zlib", _zlib), ("unpacked by bz2", _bz2), ("unpacked by lzma", _lzma)):
        inner = unpack(data, left[0])
        if inner is not None:
            yield name, inner
    for found in _BASE64.finditer(data):
        text = found.group()
        # As base64 a pickle of protocol 2 to 5 begins with gA, and an import of protocol 0 with Y.
        if text.startswith((b"gA", b"Y")):
            try:
                yield f"base64 at byte {found.start():,}", base64.b64decode(text + b"=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                continue


def _members(data: bytes, left: list[int]) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for item in archive.infolist():
                if item.file_size > left[0]:
                    raise Unscannable(f"its part {item.filename} unpacks to more than {_MOST:,} bytes")
                yield item.filename, archive.read(item)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise Unscannable(f"it is an archive that cannot be read: {error}") from None


def _gzip(data: bytes, most: int) -> bytes | None:
    return _inflated(data, most, zlib.MAX_WBITS | 16) if data.startswith(b"\x1f\x8b") else None


def _zlib(data: bytes, most: int) -> bytes | None:
    return _inflated(data, most, zlib.MAX_WBITS) if data[:1] == b"\x78" else None


def _inflated(data: bytes, most: int, bits: int) -> bytes | None:
    engine = zlib.decompressobj(bits)
    try:
        return _bounded(engine.decompress(data, most), bool(engine.unconsumed_tail))
    except zlib.error:
        return None


def _bz2(data: bytes, most: int) -> bytes | None:
    if not data.startswith(b"BZh"):
        return None
    engine = bz2.BZ2Decompressor()
    try:
        return _bounded(engine.decompress(data, most), not engine.eof and not engine.needs_input)
    except (OSError, EOFError):
        return None


def _lzma(data: bytes, most: int) -> bytes | None:
    if not data.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        return None
    engine = lzma.LZMADecompressor()
    try:
        return _bounded(engine.decompress(data, most), not engine.eof and not engine.needs_input)
    except lzma.LZMAError:
        return None


def _bounded(unpacked: bytes, more: bool) -> bytes:  # noqa: FBT001 - a private step
    if more:
        raise Unscannable(f"it unpacks to more than {_MOST:,} bytes")
    return unpacked
