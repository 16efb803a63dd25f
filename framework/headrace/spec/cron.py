"""Cron lines: five fields, in UTC, as crontab(5) has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_HORIZON = timedelta(days=366 * 9)  # 29 February comes back within eight years, 2096 to 2104


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed line; `minutes`, `hours`, `days`, `months` and `weekdays` (0 is Sunday) are the values that match."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted, so that either one is enough (crontab(5))."""

    def next(self, after: datetime) -> datetime | None:
        """The first tick later than `after`; None for a line such as `0 0 30 2 *`, which never comes."""
        moment = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _HORIZON
        while moment < end:
            if moment.month not in self.months:
                moment = (moment.replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1)
            elif not self._on(moment):
                moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
            elif moment.hour not in self.hours:
                moment = moment.replace(minute=0) + timedelta(hours=1)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment
        return None

    @property
    def comes(self) -> bool:
        """Whether any day is one of the line's."""
        return _comes(self.days, self.months, self.weekdays, self.either_day)

    def ticked(self, after: datetime, until: datetime) -> bool:
        """Whether a tick lies in (after, until]."""
        tick = self.next(after)
        return tick is not None and tick <= until

    def _on(self, moment: datetime) -> bool:
        day, weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return (day or weekday) if self.either_day else (day and weekday)


@lru_cache(maxsize=1024)
def _comes(days: frozenset[int], months: frozenset[int], weekdays: frozenset[int], either_day: bool) -> bool:  # noqa: FBT001 - fields of Cron
    return Cron("", _ANY, _ANY, days, months, weekdays, either_day).next(datetime(2024, 1, 1, tzinfo=UTC)) is not None


_ANY = frozenset({0})


def parse(text: str) -> Cron:
    """Read a line such as `0 3 * * 1`; ValueError says which field is wrong."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        count = f"{len(parts)} field" if len(parts) == 1 else f"{len(parts)} fields"
        raise ValueError(f"`{text}` has {count}, and a cron line has five: minute, hour, day, month, day of the week")
    minutes, hours, days, months, weekdays = (_field(part, *how) for part, how in zip(parts, _FIELDS, strict=True))
    return Cron(
        text=text,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )


def _field(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, name, low, high, words)
            end = _number(last, name, low, high, words) if dash else (high if slash else start)
        if (slash and not (step.isdecimal() and int(step) > 0)) or end < start:
            raise ValueError(f"`{item}` is no {name} of a cron line")
        values.update(range(start, end + 1, int(step) if slash else 1))
    return frozenset(values)


def _number(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + (1 if words is _MONTHS else 0)
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise ValueError(f"`{text}` is no {name} of a cron line: {low} to {high}")
    return int(text)
