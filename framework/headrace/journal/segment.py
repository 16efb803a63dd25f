"""How records lie in a segment's bytes: a header of length and checksum before each body; and how what is damaged is stepped over."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

HEADER = struct.Struct("<II")
"""The body's length in bytes, and its CRC-32; little endian."""

SUFFIX = ".spool"

MAX_BODY = 1024 * 1024 - HEADER.size
"""The longest body; one read of a megabyte always holds a whole record."""


def frame(body: bytes) -> bytes:
    """A body with its header."""
    return HEADER.pack(len(body), zlib.crc32(body)) + body


@dataclass(slots=True)
class Frames:
    """What was found in some bytes: whole bodies, how far they reach, and the ranges that are none."""

    bodies: list[bytes] = field(default_factory=list)
    consumed: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)


def frames(data: bytes, *, final: bool, whole: bool = False, each: Callable[[bytes], None] | None = None) -> Frames:
    """The whole bodies in bytes that begin at a header; `each` is given them one by one instead, where they need not be kept.

    `final`: nothing will follow these bytes, so what is torn at their end is damage; otherwise it is left to be read again.
    `whole`: there are as many bytes as the longest record has, so that what begins with them is one, or damage.
    Damage with whole records behind it is stepped over; of `whole` bytes without any, up to where a record may begin.
    """
    found = Frames()
    while found.consumed < len(data):
        found.consumed = start = _whole(data, found.consumed, each or found.bodies.append)
        if start == len(data):
            break
        if not final and _incomplete(data, start):
            break
        end = _next(data, start + 1)
        if end is None:
            if final:
                end = len(data)
            elif whole and start == 0:
                end = next(at for at in range(1, len(data) + 1) if _incomplete(data, at))
            else:
                break
        found.damaged.append((start, end))
        found.consumed = end
    return found


def _whole(data: bytes, start: int, each: Callable[[bytes], None]) -> int:
    """Give away whole bodies; where the first that is none begins."""
    unpack, checked, size, end = HEADER.unpack_from, zlib.crc32, HEADER.size, len(data)
    while start + size <= end:
        length, checksum = unpack(data, start)
        first = start + size
        last = first + length
        if not 0 < length <= MAX_BODY or last > end:
            break
        body = data[first:last]
        if checked(body) != checksum:
            break
        each(body)
        start = last
    return start


def _incomplete(data: bytes, start: int) -> bool:
    if len(data) - start < HEADER.size:
        return True
    length: int = HEADER.unpack_from(data, start)[0]
    return 0 < length <= MAX_BODY and start + HEADER.size + length > len(data)


def _body(data: bytes, start: int) -> bytes | None:
    if len(data) - start < HEADER.size:
        return None
    length, checksum = HEADER.unpack_from(data, start)
    first = start + HEADER.size
    if not 0 < length <= MAX_BODY or first + length > len(data):
        return None
    body = data[first : first + length]
    return body if zlib.crc32(body) == checksum else None


def _next(data: bytes, start: int) -> int | None:
    return next((at for at in range(start, len(data) - HEADER.size) if _body(data, at) is not None), None)
