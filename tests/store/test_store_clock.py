"""Time as a value: one holder drives it, never backwards, and the wall has it back when the lease lapses."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Store, clock

AT = datetime(2016, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def fault(error: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, Exit]:
    return error.value.report.errors[0].id, error.value.code


def test_time_is_the_wall_s_where_nobody_drives_it(store: Store) -> None:
    before = clock.wall()
    now = store.clock.now()

    assert (True, False, None) == (before <= now <= clock.wall(), store.clock.driven, store.clock.holder)


def test_a_driven_clock_shows_what_its_holder_set(store: Store) -> None:
    clock.drive(store, "replay", AT)
    clock.advance(store, "replay", AT + DAY)

    assert (AT + DAY, True, "replay") == (store.clock.now(), store.clock.driven, store.clock.holder)


def test_a_second_driver_is_refused_while_the_lease_lives(store: Store) -> None:
    clock.drive(store, "replay", AT)

    with pytest.raises(HeadraceError, match="held by replay") as error:
        clock.drive(store, "backtest", AT)
    assert fault(error) == ("clock-driven", Exit.LOCKED)


def test_a_lapsed_lease_gives_time_back_to_the_wall_and_the_clock_to_who_wants_it(store: Store) -> None:
    clock.drive(store, "replay", AT, lease=timedelta(0))
    assert not store.clock.driven

    clock.drive(store, "backtest", AT - DAY)

    assert (AT - DAY, "backtest") == (store.clock.now(), store.clock.holder)


def test_advancing_renews_a_lapsed_lease_that_nobody_took(store: Store) -> None:
    clock.drive(store, "replay", AT, lease=timedelta(0))
    clock.advance(store, "replay", AT)

    assert AT == store.clock.now()


def test_a_holder_who_lost_the_clock_cannot_advance_it(store: Store) -> None:
    clock.drive(store, "replay", AT, lease=timedelta(0))
    clock.drive(store, "backtest", AT)

    with pytest.raises(HeadraceError) as error:
        clock.advance(store, "replay", AT + DAY)
    assert (fault(error), AT) == (("clock-driven", Exit.LOCKED), store.clock.now())


def test_nobody_advances_the_wall_s_clock(store: Store) -> None:
    with pytest.raises(HeadraceError, match="held by the wall") as error:
        clock.advance(store, "replay", AT)
    assert fault(error) == ("clock-driven", Exit.LOCKED)


@pytest.mark.parametrize("move", [clock.drive, clock.advance])
def test_time_never_goes_back(move, store: Store) -> None:
    clock.drive(store, "replay", AT)

    with pytest.raises(HeadraceError) as error:
        move(store, "replay", AT - DAY)
    assert (fault(error), AT) == (("clock-backwards", Exit.REFUSED), store.clock.now())


def test_releasing_gives_time_back_to_the_wall(store: Store) -> None:
    clock.drive(store, "replay", AT)
    clock.release(store, "replay")

    assert (False, True) == (store.clock.driven, store.clock.now() > AT + DAY)


def test_releasing_what_another_holds_does_nothing(store: Store) -> None:
    clock.release(store, "replay")
    clock.drive(store, "replay", AT)
    clock.release(store, "backtest")

    assert "replay" == store.clock.holder
