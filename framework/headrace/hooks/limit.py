"""How long somebody else's code may take: it is stopped where it stands, so that what hangs is a fault and not an outage."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isinf
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

from headrace.hooks.contracts import Metric, resolve

T = TypeVar("T")

AGAIN = 1.0
"""Seconds after which it is stopped once more, where it went on."""
_SOON = 0.001
_PYTHON = Path(threading.__file__).parent


class OutOfTime(Exception):  # noqa: N818 - a reason, told as `OutOfTime: …`
    """The wall time that was given is over."""

    def __init__(self, seconds: float, where: str = "") -> None:
        super().__init__(f"it did not end within {seconds:g} s{where}")


class Ended(Exception):  # noqa: N818 - a reason, told as `Ended: …`
    """Somebody else's code would have ended Python."""


class _Ring(BaseException):
    """No Exception, so that `except Exception` in the code that hangs does not swallow it."""


def within(seconds: float, function: Callable[..., T], *given: Any, **named: Any) -> T:  # noqa: ANN401 - whatever it takes
    """What a function gives; OutOfTime where it takes longer than so many seconds of wall time.

    In the main thread, where flows run and where Prefect stops a task in the same way, an alarm interrupts it: a sleep, a lock, a loop. In
    another thread nothing can, so it is left alone there, in a thread that does not keep the process alive. C code that never comes back
    to Python is not interrupted.
    """
    if isinf(seconds):
        return function(*given, **named)
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return _beside(seconds, function, given, named)
    try:
        with _alarm(seconds):
            return function(*given, **named)
    except _Ring as ring:
        raise OutOfTime(seconds, _where(ring)) from None


def computing(metric: Metric, times: float = 1.0) -> Callable[..., Any]:
    """A metric's function, given its time, or so many times of it; it raises nothing but an Exception."""

    def compute(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - what the metric needs; one value a class is an array
        return unended(metric.seconds * times, lambda: _plain(resolve(metric.compute)(*given, **named)))

    return compute


def unended(seconds: float, function: Callable[[], T]) -> T:
    """As `within`, and what would end Python raises Ended."""
    try:
        return within(seconds, function)
    except SystemExit as end:
        raise Ended(f"it called sys.exit({'' if end.code is None else end.code})") from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - what a metric gave
    return value if getattr(value, "ndim", 0) == 1 else float(value)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """An alarm; one that was set before rings in its time, be it meanwhile or afterwards."""

    def ring(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise _Ring

    remaining, interval = signal.getitimer(signal.ITIMER_REAL)
    if 0 < remaining <= seconds:
        yield  # another alarm rings sooner, and stops it too
        return
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - began), _SOON), interval)


def _where(ring: _Ring) -> str:
    """The line that was being carried out: the deepest that is neither ours nor Python's own."""
    for frame in reversed(traceback.extract_tb(ring.__traceback__)):
        file = Path(frame.filename)
        if file != Path(__file__) and (file.parent != _PYTHON and file.exists()):
            return f", and was at {file.name}:{frame.lineno}"
    return ""


def _beside(seconds: float, function: Callable[..., T], given: tuple[Any, ...], named: dict[str, Any]) -> T:
    made: list[T] = []
    raised: list[BaseException] = []

    def call() -> None:
        try:
            made.append(function(*given, **named))
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not made:
        raise OutOfTime(seconds)
    return made[0]
