"""Quantities with units: durations, percentages, rates, ratios, differences, sizes; a bare number where a unit is needed is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class MissingUnit(ValueError):  # noqa: N818 - a fault of the user, named for what is missing
    """A bare number where a unit is needed; `fixed` is the text to write instead."""

    def __init__(self, message: str, fixed: str) -> None:
        self.fixed = fixed
        super().__init__(message)


class Ambiguous(ValueError):  # noqa: N818 - a fault of the user, named for what it is
    """Text that may mean two things; `meanings` are the texts for them."""

    def __init__(self, message: str, *meanings: str) -> None:
        self.meanings = meanings
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two values are apart: `1pp` (percentage points) is 0.01, `10% relative` is 0.1 of the first of them."""

    value: float
    relative: bool

    def of(self, base: float) -> float:
        """The difference in the unit of a base value."""
        return self.value * abs(base) if self.relative else self.value

    def __str__(self) -> str:
        number = _digits(Decimal(repr(self.value)) * 100)
        return f"{number}% relative" if self.relative else f"{number}pp"


def _digits(value: Decimal) -> str:
    """All of a number's digits, without an exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(value: object) -> timedelta:
    """`28d` to a timedelta; ms, s, m, h, d and w are the units."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        try:
            return float(match[1]) * _UNITS[match[2]]
        except OverflowError:
            raise ValueError(f"`{value}` is longer than time") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise MissingUnit("a duration needs its unit, such as `d` for days or `h` for hours", f"{value}d")
    raise ValueError(f"`{value}` is no duration: write for example `90s`, `6h` or `28d`")


def write_duration(value: timedelta) -> str:
    """The shortest text that `duration` reads back."""
    if not value:
        return "0s"
    for unit in ("w", "d", "h", "m", "s", "ms"):
        whole, rest = divmod(value, _UNITS[unit])
        if not rest and (whole or unit == "ms"):
            return f"{whole}{unit}"
    return f"{_digits(Decimal(value // timedelta(microseconds=1)) / 1000)}ms"


def day(value: object) -> str:
    """`2026-12-31`, as it is."""
    text = str(value)
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and date.fromisoformat(text):
            return text
    raise ValueError(f"`{text:.40}` is no day: write for example `2026-12-31`")


def percentage(value: object) -> float:
    """`5%` to 0.05."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)%", value)):
        return float(Decimal(match[1]) / 100)
    if isinstance(value, int | float) and not isinstance(value, bool):
        as_share = f"{value * 100:g}%" if 0 < value < 1 or (isinstance(value, float) and value == 1) else f"{value:g}%"
        raise MissingUnit("a share needs its sign `%`", as_share)
    raise ValueError(f"`{value}` is no percentage: write for example `5%`")


def ratio(value: object) -> float:
    """`2x` to 2.0."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)x", value)):
        return float(match[1])
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise MissingUnit("a ratio needs its sign `x`", f"{value:g}x")
    raise ValueError(f"`{value}` is no ratio: write for example `2x`")


def rate(value: object) -> float:
    """`12000/d` to requests a day."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)/(s|m|h|d|w)", value)):
        return float(match[1]) * (timedelta(days=1) / _UNITS[match[2]])
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise MissingUnit("a rate needs its unit, such as `/d` for requests a day", f"{value:g}/d")
    raise ValueError(f"`{value}` is no rate: write for example `12000/d`")


def difference(value: object) -> Difference:
    """`1pp` to 0.01, `10% relative` to 0.1 of the base; a bare `1%` could be either."""
    if isinstance(value, Difference):
        return value
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(pp|% relative)", value)):
        return Difference(float(Decimal(match[1]) / 100), match[2] != "pp")
    number = re.fullmatch(r"(\d+(?:\.\d+)?)%?", str(value)) if not isinstance(value, bool) else None
    if number is not None:
        said = _digits(Decimal(number[1]) * (100 if isinstance(value, float) and 0 < value < 1 else 1))
        raise Ambiguous(f"`{value}` is {said} percentage points, or {said} % of the value", f"{said}pp", f"{said}% relative")
    raise ValueError(f"`{value}` is no difference: write for example `1pp` or `10% relative`")


def size(value: object) -> int:
    """`4GiB` to bytes; KiB, MiB, GiB and TiB are the units, and KB, MB, GB, TB by thousands."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT])(i?)B", value)):
        return int(Decimal(match[1]) * (1024 if match[3] else 1000) ** ("KMGT".index(match[2]) + 1))
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise MissingUnit("a size needs its unit, such as `GiB`", f"{value:g}GiB")
    raise ValueError(f"`{value}` is no size: write for example `4GiB`")


def write_size(value: int) -> str:
    """The shortest text that `size` reads back, in binary units; below one KiB as a part of it."""
    for power in (4, 3, 2, 1):
        if value % 1024**power == 0 and value:
            return f"{value // 1024**power}{'KMGT'[power - 1]}iB"
    return f"{_digits(Decimal(value) / 1024)}KiB"


def _text(pattern: str) -> WithJsonSchema:
    """How an editor knows the quantity: as text of a form."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(write_duration, return_type=str),
    _text(r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d|w)"),
]
"""A length of time in the clock's time."""
Day = Annotated[str, BeforeValidator(day), _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")]
"""A day of the calendar in UTC, written `2026-12-31`."""
Percentage = Annotated[
    float,
    BeforeValidator(percentage),
    PlainSerializer(lambda v: f"{_digits(Decimal(repr(v)) * 100)}%", return_type=str),
    _text(r"[0-9]+(\.[0-9]+)?%"),
]
"""A share between 0 and 1, written `5%`."""
Ratio = Annotated[
    float,
    BeforeValidator(ratio),
    PlainSerializer(lambda v: f"{_digits(Decimal(repr(v)))}x", return_type=str),
    _text(r"[0-9]+(\.[0-9]+)?x"),
]
"""How many times as much, written `2x`."""
Rate = Annotated[
    float,
    BeforeValidator(rate),
    PlainSerializer(lambda v: f"{_digits(Decimal(repr(v)))}/d", return_type=str),
    _text(r"[0-9]+(\.[0-9]+)?/(s|m|h|d|w)"),
]
"""Requests a day, written `12000/d`."""
Change = Annotated[
    Difference,
    BeforeValidator(difference),
    PlainSerializer(str, return_type=str),
    _text(r"[0-9]+(\.[0-9]+)?(pp|% relative)"),
]
"""How far two values are apart, written `1pp` or `10% relative`."""
Size = Annotated[int, BeforeValidator(size), PlainSerializer(write_size, return_type=str), _text(r"[0-9]+(\.[0-9]+)?[KMGT]i?B")]
"""Bytes, written `4GiB`."""
