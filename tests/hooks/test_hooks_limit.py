"""What takes too long is stopped, in the main thread and beside it, and leaves other alarms as they were."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.hooks.aside import aside
from headrace.hooks.limit import OutOfTime, within


def hang() -> None:
    threading.Event().wait()


def swallow() -> None:
    """It goes on after being stopped once."""
    try:
        hang()
    except BaseException:  # noqa: BLE001 - as bad as it gets
        hang()


def loop() -> None:
    while True:
        pass


def beside(function: Callable[[], object]) -> list[object]:
    """What a function gives, or raises, in another thread."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(function())
        except Exception as error:  # noqa: BLE001
            found.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found


@pytest.mark.parametrize("function", [hang, swallow, loop])
def test_what_hangs_is_stopped(function: Callable[[], None]) -> None:
    with pytest.raises(OutOfTime, match=r"it did not end within 0.05 s, and was at .*\.py:\d+"):
        within(0.05, function)


def test_what_ends_in_time_gives_what_it_gives() -> None:
    assert [7, [7]] == [within(60, lambda: 7), beside(lambda: within(60, lambda: 7))]


def test_another_thread_is_left_waiting_no_longer() -> None:
    assert [OutOfTime] == beside(lambda: within(0.05, hang))


@pytest.fixture
def rung() -> Iterator[list[int]]:
    """An alarm of somebody else's, as Prefect sets for a task with a timeout."""
    found: list[int] = []
    before, timer = signal.signal(signal.SIGALRM, lambda number, _: found.append(number)), signal.setitimer(signal.ITIMER_REAL, 0.2)
    yield found
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, *timer)


def test_an_alarm_that_was_set_before_rings_in_its_time(rung: list[int]) -> None:
    with pytest.raises(OutOfTime):
        within(0.05, hang)
    assert [] == rung
    signal.pause()
    assert [signal.SIGALRM] == rung


def test_what_is_printed_goes_to_stderr_and_stdout_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    with aside():
        sys.stdout.write("by Python\n")
        os.write(1, b"below it\n")
    sys.stdout.write("ours\n")
    sys.stdout.flush()
    out, err = capfd.readouterr()
    assert ("ours\n", {"by Python", "below it"}) == (out, set(err.splitlines()))


def test_a_closed_stdout_is_no_trouble(tmp_path: Path) -> None:
    text = "from headrace.hooks.aside import aside\nwith aside():\n    print('x')\n"
    done = subprocess.run(["sh", "-c", f'{sys.executable} -c "$1" >&-', "sh", text], capture_output=True, text=True, check=False)
    assert (0, "x\n") == (done.returncode, done.stderr)
