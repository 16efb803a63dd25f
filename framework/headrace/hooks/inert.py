"""Bytes that may run code when they are read: pickles, plain, packed, or within other bytes; none of them is handed to a reader.

A digest says that bytes are those that were written, and never that reading them is harmless. Nothing is unpickled here: opcodes are read
by `pickletools`. Whoever reads a model looks at beginnings, where a reader begins; the gate `security` looks everywhere.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

__all__ = ["CODE", "Pickle", "Unscannable", "pickles", "refuse_code", "runs_code"]

CODE = frozenset({"pickle", "cloudpickle", "dill", "joblib"})
"""Formats whose readers run what stands in them, by name."""
_RUNS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4"})
"""The opcodes by which a pickle imports, or calls what it imported."""
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})
_NAMED = frozenset({"GLOBAL", "INST"})
"""Those of them whose argument is the name of what is imported."""
_NAME = re.compile(r"[A-Za-z_][\w.]*( [A-Za-z_][\w.]*)?", re.ASCII)
_FIRST = re.compile(rb"\x80[\x02-\x0f]")
"""How a pickle of protocol 2 and later begins, also of those to come."""
_BINARY = re.compile(rb"\x80[\x02-\x05]")
"""The same within other bytes, of those that there are."""
_TEXT = re.compile(rb"(?:c|\(i)[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
"""An import in a pickle of protocol 0."""
_OBJECTS = re.compile(rb"\x93NUMPY..[\s\S]{0,400}?'descr': ?'?\|?O")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_NAMES = (".pkl", ".pickle", ".joblib", ".dill")
_LOOKED = 1 << 20
"""So many bytes of each beginning are looked at: a pickle says what it is in its first ones."""
_DEEPEST = 4
_MOST = 512_000_000
"""Bytes that are unpacked at most where all is looked at: more is a bomb, and is told as one."""
_OPCODES = 100_000
_STARTS = 20_000
_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Pickle:
    """A pickle that was found: in which part of the bytes, and which opcodes of it run code."""

    where: str
    runs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where} holds a pickle" + (f" ({', '.join(self.runs)})" if self.runs else "")


class Unscannable(Exception):  # noqa: N818 - a finding: what cannot be looked through is not known to be safe
    """Why bytes could not be looked through."""


def refuse_code(data: bytes, what: str) -> None:
    """HeadraceError `unsafe-format` (Exit.REFUSED) where reading a model's bytes may run code; `what` is what they are of."""
    why = runs_code(data)
    if why is not None:
        message = f"{what} is {why}: reading it would run whatever it says"
        help_ = "save it as LightGBM's text, skops, safetensors, ONNX or JSON"
        raise HeadraceError(Diagnostic("unsafe-format", message, help=help_), Exit.REFUSED)


def runs_code(data: bytes) -> str | None:
    """What the bytes are, if they, or what they are packed of, begin as what runs code when it is read; None otherwise.

    What is damaged passes: whoever reads it says what is wrong with it.
    """
    if (why := _begins(data)) is not None:
        return why
    try:
        for name, inner, member in _parts(data, _Room()):
            if member and name.lower().endswith(_NAMES):
                return f"an archive with the pickle `{name[:80]}`"
            if (why := _begins(inner)) is not None:
                return f"an archive with `{name[:80]}`, {why}" if member else f"{why}, {name}"
    except _ManyError as many:
        return str(many)
    except Unscannable:
        return None
    return None


def pickles(data: bytes, where: str = "the file") -> Iterator[Pickle]:
    """The pickles in some bytes, wherever in them, in what they are packed of, and in text in base64.

    Unscannable where they cannot all be looked through.
    """
    yield from _within(data, where, 0, _Room(whole=True, left=_MOST))


@dataclass(slots=True)
class _Room:
    """How much may be unpacked: a beginning of each part, or `whole` parts until nothing is `left`."""

    whole: bool = False
    left: int = field(default=_LOOKED)


class _ManyError(Unscannable):
    """An archive of more files than any model has."""


def _within(data: bytes, where: str, depth: int, room: _Room) -> Iterator[Pickle]:
    room.left -= len(data)
    if room.left < 0:
        raise Unscannable(f"{where} unpacks to more than {_MOST:,} bytes")
    if depth > _DEEPEST:
        raise Unscannable(f"{where} is packed more than {_DEEPEST} times")
    yield from _anywhere(data, where)
    for name, inner, _ in _parts(data, room):
        yield from _within(inner, f"{where}, {name}", depth + 1, room)
    for found in _BASE64.finditer(data):
        text = found.group()
        # As base64 a pickle of protocol 2 to 5 begins with gA, and an import of protocol 0 with Y.
        if text.startswith((b"gA", b"Y")):
            try:
                inner = base64.b64decode(text + b"=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                continue
            yield from _within(inner, f"{where}, base64 at byte {found.start():,}", depth + 1, room)


def _begins(data: bytes) -> str | None:
    """What runs code that the bytes begin as."""
    if _OBJECTS.match(data):
        return "an array of pickled objects"
    if _is_pickle(_opcodes(data[:_LOOKED], 0), data, 0):
        return "a pickle" if _FIRST.match(data) else "a pickle of an old protocol"
    return None


def _anywhere(data: bytes, where: str) -> Iterator[Pickle]:
    """The first pickle that stands in bytes as they are: at any place, since a loader may be told to begin there."""
    starts = {0: None} | {found.start(): None for pattern in (_BINARY, _TEXT) for found in pattern.finditer(data)}
    if len(starts) > _STARTS:
        raise Unscannable(f"{where} looks like a pickle at more than {_STARTS:,} places")
    for start in starts:
        if _is_pickle(runs := _opcodes(data, start), data, start):
            yield Pickle(where if start == 0 else f"{where} from byte {start:,}", tuple(sorted(runs or ())))
            return


def _is_pickle(runs: set[str] | None, data: bytes, start: int) -> bool:
    """Whether what was read is a pickle: one that runs nothing harms nobody within a model's numbers; at the very start it is one."""
    return runs is not None and (bool(runs) or (start == 0 and _FIRST.match(data) is not None))


def _opcodes(data: bytes, start: int) -> set[str] | None:
    """Those of a pickle that run code; None where there is no pickle: it imports nothing, or breaks off before it calls what it imports.

    Packed numbers look like a pickle here and there; an import is one where it names a module and something in it. Bytes that begin as a
    pickle are one if a second opcode follows: the length before a safetensors header may look like the first.
    """
    runs: set[str] = set()
    names = count = 0
    first = start == 0 and _FIRST.match(data) is not None
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        for count, (opcode, argument, _) in enumerate(_read(stream), start=1):
            named = isinstance(argument, str) and _NAME.fullmatch(argument) is not None
            names += named
            if opcode.name in _RUNS and (named or opcode.name not in _NAMED) and (names > 1 or opcode.name != "STACK_GLOBAL"):
                runs.add(opcode.name)
            if count > _OPCODES:
                break
    except Exception:  # noqa: BLE001 - whatever comes after is none; what was imported and called before has run by then
        ran = bool(runs & _IMPORTS) and bool(runs - _IMPORTS or "INST" in runs)
        return runs if ran or (first and count > 1) else None
    return runs if runs & _IMPORTS or first else None


def _read(stream: io.BytesIO) -> Iterator[Any]:
    """The opcodes from where a stream stands; what looks like text with odd escapes is no matter of a reader's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield from pickletools.genops(stream)


def _parts(data: bytes, room: _Room) -> Iterator[tuple[str, bytes, bool]]:
    """What bytes are packed of, by name, and whether that is a file's of an archive."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        yield from _members(data, room)
    for magics, name, unpack in _PACKED:
        if data.startswith(magics) and (inner := unpack(data, room)) is not None:
            yield f"unpacked by {name}", inner, False


def _members(data: bytes, room: _Room) -> Iterator[tuple[str, bytes, bool]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS:
                raise _ManyError(f"an archive of {len(members):,} files")
            for item in members:
                if room.whole and item.file_size > room.left:
                    raise Unscannable(f"its part {item.filename} unpacks to more than {_MOST:,} bytes")
                with archive.open(item) as file:
                    yield item.filename, file.read(-1 if room.whole else _LOOKED), True
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise Unscannable(f"it is an archive that cannot be read: {error}") from None


def _deflated(bits: int) -> Callable[[bytes, _Room], bytes | None]:
    def unpack(data: bytes, room: _Room) -> bytes | None:
        engine = zlib.decompressobj(bits)
        try:
            return _bounded(engine.decompress(data, room.left), room, more=bool(engine.unconsumed_tail))
        except zlib.error:
            return None

    return unpack


def _streamed(engine_of: Callable[[], Any]) -> Callable[[bytes, _Room], bytes | None]:
    def unpack(data: bytes, room: _Room) -> bytes | None:
        engine = engine_of()
        try:
            return _bounded(engine.decompress(data, room.left), room, more=not engine.eof and not engine.needs_input)
        except (OSError, EOFError, lzma.LZMAError):
            return None

    return unpack


def _bounded(unpacked: bytes, room: _Room, *, more: bool) -> bytes:
    if more and room.whole:
        raise Unscannable(f"it unpacks to more than {_MOST:,} bytes")
    return unpacked


_PACKED: tuple[tuple[tuple[bytes, ...], str, Callable[[bytes, _Room], bytes | None]], ...] = (
    ((b"\x1f\x8b",), "gzip", _deflated(zlib.MAX_WBITS | 16)),
    ((b"\x78",), "zlib", _deflated(zlib.MAX_WBITS)),
    ((b"BZh",), "bz2", _streamed(bz2.BZ2Decompressor)),
    ((b"\xfd7zXZ", b"\x5d\x00\x00"), "lzma", _streamed(lzma.LZMADecompressor)),
)
