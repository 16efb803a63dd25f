"""What may be logged: names and values, and how each is written down and found again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

LONGEST_NAME = 250
LONGEST_VALUE = 100_000
_STEPS = 2**63


@dataclass(frozen=True, slots=True)
class Kept:
    """A value as it is kept: its JSON text, and what conditions compare, NaN and None where it is no number and no text."""

    value: str
    number: float
    text: str | None


def kept(name: str, value: object) -> Kept:
    """A param's or tag's value. HeadraceError `bad-record` where it cannot be kept."""
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True)
    if len(text) > LONGEST_VALUE:
        raise refused(f"the value of `{name}` has {len(text):,} characters, and {LONGEST_VALUE:,} are kept", "log it as an artifact")
    return Kept(text, _number(plain), plain if isinstance(plain, str) and _storable(plain) else None)


def read(text: str) -> Any:  # noqa: ANN401 - JSON
    """A value from its JSON text."""
    return json.loads(text)


def named(name: object) -> str:
    """A name. HeadraceError `bad-record` where it is none."""
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise refused(f"`{str(name)[:80]}` is no name", f"a name has 1 to {LONGEST_NAME} printable characters")
    return name


def measured(name: str, value: object) -> float:
    """A metric's value: any float, NaN and the infinities too. HeadraceError `bad-record` where it is no number."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.copysign(math.inf, value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise refused(f"the metric `{name}` is `{str(value)[:80]}`, which is no number", "log it as a param or a tag") from None


def stepped(step: object) -> int:
    """A step: a whole number of 64 bits. HeadraceError `bad-record` otherwise."""
    if isinstance(step, bool) or not hasattr(step, "__index__") or not -_STEPS <= (number := step.__index__()) < _STEPS:
        raise refused(f"`{str(step)[:80]}` is no step", "a step is a whole number, such as the iteration")
    return int(number)


def refused(message: str, help_: str) -> HeadraceError:
    """What is said where something cannot be kept."""
    return HeadraceError(Diagnostic("bad-record", message, help=help_), Exit.INVALID)


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """A value of JSON, with NaN and the infinities; numbers of numpy are numbers, and what is nothing of JSON is its own text."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            # Subclasses, such as numpy's float64 and members of an IntEnum, are their numbers.
            return int(value) if isinstance(value, int) else float(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [_plain(item) for item in value]
    item = getattr(value, "item", None)
    return _plain(item()) if callable(item) and getattr(value, "shape", None) == () else repr(value)


def _number(value: object) -> float:
    if not isinstance(value, bool | int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _storable(text: str) -> bool:
    """Whether every database takes it; what none takes is kept in its JSON text, and no condition finds it."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
