from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.spec import cron

WEDNESDAY = datetime(2026, 7, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "tick"),
    [
        ("* * * * *", "2026-07-01 12:31"),
        ("*/15 * * * *", "2026-07-01 12:45"),
        ("0 3 * * 1", "2026-07-06 03:00"),
        ("0 3 * * mon", "2026-07-06 03:00"),
        ("0 0 * * 7", "2026-07-05 00:00"),
        ("0 0 * * 0", "2026-07-05 00:00"),
        ("30 12 * * *", "2026-07-02 12:30"),
        ("0 9-17/4 * * 1-5", "2026-07-01 13:00"),
        ("0 0 1 jan,jul *", "2027-01-01 00:00"),
        ("0 0 13 * 5", "2026-07-03 00:00"),  # either day, as crontab(5) has it
        ("5/20 0 * * *", "2026-07-02 00:05"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("59 23 31 12 *", "2026-12-31 23:59"),
    ],
)
def test_the_next_tick(line: str, tick: str) -> None:
    assert datetime.fromisoformat(f"{tick}+00:00") == cron.parse(line).next(WEDNESDAY)


def test_a_line_that_never_comes_has_no_tick() -> None:
    assert cron.parse("0 0 30 2 *").next(WEDNESDAY) is None


def test_a_tick_counts_at_its_own_moment_and_not_after_it() -> None:
    line, tick = cron.parse("0 3 * * 1"), datetime(2026, 7, 6, 3, tzinfo=UTC)
    assert [True, False] == [line.ticked(tick - timedelta(minutes=1), tick), line.ticked(tick, tick + timedelta(days=6))]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "1, * * * *",
        "-1 * * * *",
        "* * * * monday",
        "² * * * *",
    ],
)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="cron line"):
        cron.parse(line)


@settings(max_examples=60, deadline=None)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 6),
    after=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),  # noqa: DTZ001
)
def test_a_weekly_line_ticks_once_a_week_at_its_minute(minute: int, hour: int, weekday: int, after: datetime) -> None:
    tick = cron.parse(f"{minute} {hour} * * {weekday}").next(after)
    assert tick is not None
    assert (minute, hour, weekday, True) == (tick.minute, tick.hour, tick.isoweekday() % 7, after < tick <= after + timedelta(days=7))
