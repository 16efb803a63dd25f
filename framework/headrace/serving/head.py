"""What matters of the head of a request that is answered where it is read: what says more than that is read as ASGI has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.identity.keys import Keyring, Known
from headrace.serving.body import is_json
from headrace.serving.moment import HEADER
from headrace.serving.problem import Refused

if TYPE_CHECKING:
    from headrace.serving.turn import Turn

Client = tuple[str, int] | None
"""Who asks, as ASGI has it."""
Pairs = Sequence[tuple[bytes, bytes]]
"""Headers as ASGI has them, named in lower case."""

_TIME = HEADER.lower().encode()
_OTHERWISE = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", _TIME})
"""A request that has one of these is more than a head and a body."""
_LONGEST = 9
"""Digits of a body's length."""


@dataclass(slots=True)
class Head:
    """A head that says how long its JSON is, once, and nothing that would have to be waited for."""

    headers: Pairs
    length: int
    now: Now
    admitted: tuple[Keyring, Known] | None = None
    """The key that it was found to have, among the keys that there were: while they stand it need not be looked for again."""


Now = Callable[[Head, bytes, Client], "bytes | Refused | Turn | None"]
"""Answers a head and its whole body with JSON, or with why not, or says who will at the end of a turn, with whom to `wait` at once; None
where it must be asked as ASGI has it, which is decided before anything had an effect."""


def told(headers: Pairs, now: Now) -> Head | None:
    """A head as far as it matters; None where there is more to it."""
    kind = length = None
    for name, value in headers:
        if name == b"content-type":
            if kind is not None or (value != b"application/json" and not is_json(value.decode("latin-1"))):
                return None
            kind = value
        elif name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > _LONGEST:
                return None
            length = int(value)
        elif name in _OTHERWISE:
            return None
    return Head(tuple(headers), length, now) if length else None
