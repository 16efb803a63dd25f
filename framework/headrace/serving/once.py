"""Whether each key of a JSON body stands once: of two the parsers would take the last, and nobody would know of the first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headrace.serving.problem import Fault, Refused

_COLON = b":"
_LARGE, _PIECE = 8 * 1024, 64 * 1024
"""Bytes from which on arrays are worth their while, and that are looked at while they are near a core."""


def once(body: bytes, members: int) -> bool:
    """Whether a body that was parsed into so many members of objects has no key twice.

    Each member has one colon, so that as many of them as there are members leave none for another. More of them are in texts, or of a key
    that stands twice: then it is parsed again.
    """
    return _colons(body) == members or not _twice(body)


def refuse_twice(body: bytes, members: int) -> None:
    """Refused (422), naming each key that stands twice in one object."""
    found = _twice(body) if _colons(body) != members else []
    if found:
        faults = [Fault(name, "stands twice in one object: send it once") for name in found]
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise Refused(422, "invalid-request", f"`{found[0]}` {faults[0].message}{more}", faults)


def _colons(body: bytes) -> int:
    """How many there are; of a large body by numpy, which takes a tenth of the time, some at a time."""
    if len(body) < _LARGE:
        return body.count(_COLON)
    import numpy as np

    codes = np.frombuffer(body, dtype=np.uint8)
    return sum(int(np.count_nonzero(codes[at : at + _PIECE] == _COLON[0])) for at in range(0, len(codes), _PIECE))


def _twice(body: bytes) -> list[str]:
    found: dict[str, None] = {}

    def look(pairs: Sequence[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            found.update((name, None) for name in names if names.count(name) > 1)

    # What the numbers are matters to nobody, and one of a million digits would take its time.
    json.loads(body, object_pairs_hook=look, parse_int=len, parse_float=len, parse_constant=len)
    return list(found)
