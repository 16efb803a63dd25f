"""Locks: one holder, signs of life, and what happens when they stop."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Store, clock, lock, tables

QUICK = timedelta(milliseconds=20)


def take(store: Store, name: str = "apply") -> str:
    with lock.hold(store, name, "user:ben") as held:
        return held.id


def test_a_held_lock_is_refused_and_its_holder_named(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana") as held, pytest.raises(HeadraceError, match="locked by user:ana") as error:
        take(store)
    found = error.value.report.errors[0]
    assert ("locked", Exit.LOCKED, True) == (found.id, error.value.code, held.id in str(found.help))


def test_a_lock_is_free_after_the_block_also_when_it_raised(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), lock.hold(store, "apply", "user:ana"):
        1 / 0  # noqa: B018

    assert lock.held(store, "apply") is None


def test_two_names_are_two_locks(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana"):
        take(store, "replay")


def test_the_heartbeat_goes_on(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana", heartbeat=QUICK):
        first = lock.held(store, "apply")
        time.sleep(0.2)
        later = lock.held(store, "apply")

    assert first is not None
    assert later is not None
    assert (first.since, True) == (later.since, first.heartbeat < later.heartbeat)


def test_a_live_holder_is_never_robbed_however_silent_it_is(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana"):
        with store.transaction("user:ana", "age", "apply") as session:
            session.get_one(tables.Lock, "apply").heartbeat -= timedelta(days=1)
        with pytest.raises(HeadraceError, match="last sign of life 864"):
            take(store)


def test_a_holder_whose_lock_was_released_learns_of_it(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana", heartbeat=QUICK) as held:
        held.check()
        lock.release(store, held.id, actor="user:ben")
        assert held._lost.wait(30)
        with pytest.raises(HeadraceError, match="released by another") as error:
            held.check()
    assert ("lock-lost", Exit.LOCKED) == (error.value.report.errors[0].id, error.value.code)


def test_a_silent_lock_of_another_host_goes_by_its_id_alone(store: Store) -> None:
    occupy(store, pid=dead_pid(), host="elsewhere")
    with store.transaction("user:ana", "age", "apply") as session:
        session.get_one(tables.Lock, "apply").heartbeat -= timedelta(days=30)
    with pytest.raises(HeadraceError, match="on elsewhere"):
        take(store)
    assert not lock.release(store, "2", actor="user:ben")
    assert lock.release(store, "1", actor="user:ben")
    assert take(store)


def test_a_lock_can_be_freed_by_its_id(store: Store) -> None:
    with lock.hold(store, "apply", "user:ana") as held:
        assert lock.release(store, held.id, actor="user:ben")
        assert lock.held(store, "apply") is None
        assert not lock.release(store, held.id)


def occupy(store: Store, *, pid: int, host: str) -> None:
    now = clock.wall()
    with store.transaction("user:ana", "lock", "apply") as session:
        session.add(tables.Lock(name="apply", id="1", actor="user:ana", host=host, pid=pid, since=now, heartbeat=now))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_process_of_this_host_is_taken_over_at_once(store: Store) -> None:
    import socket

    occupy(store, pid=dead_pid(), host=socket.gethostname())

    assert take(store)


def test_the_lock_of_another_host_is_not(store: Store) -> None:
    occupy(store, pid=dead_pid(), host="elsewhere")

    with pytest.raises(HeadraceError, match="on elsewhere"):
        take(store)


def test_the_lock_of_a_process_whose_number_was_given_out_again_is_taken_over(store: Store) -> None:
    import socket

    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    occupy(store, pid=process.pid, host=socket.gethostname())
    with store.transaction("user:ana", "age", "apply") as session:
        session.get_one(tables.Lock, "apply").since -= timedelta(minutes=1)

    assert take(store)
    process.terminate()
    process.wait()


def test_a_heartbeat_outlives_a_store_that_does_not_answer_for_a_while(store: Store) -> None:
    full = "PRAGMA max_page_count = 1"
    with lock.hold(store, "apply", "user:ana", heartbeat=QUICK) as held:
        fill(store, full)
        time.sleep(0.1)
        fill(store, "PRAGMA max_page_count = 100000")
        before = lock.held(store, "apply")
        time.sleep(0.1)
        later = lock.held(store, "apply")

    assert before is not None
    assert later is not None
    assert (False, True) == (held.lost, later.heartbeat > before.heartbeat)


def fill(store: Store, pragma: str) -> None:
    connection = store.engine.raw_connection()
    connection.cursor().execute(pragma)
    connection.close()
