"""What somebody else's code prints while it is tried, kept out of our own streams: Python's prints and those of C alike."""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar

T = TypeVar("T")

MOST = 20
"""How many lines are kept of one item: the last ones."""


def overheard(items: Iterable[T]) -> Iterator[tuple[T, list[str]]]:
    """Each item with the lines that were printed while it was made.

    After an exception all that was printed until then is printed after all; where C code crashes, Python's stack is, so that it is seen
    whose code it was.
    """
    making = iter(items)
    while True:
        printed: list[str] = []
        with _kept(printed):
            item = next(making, None)
        if item is None:
            return
        yield item, printed


@contextmanager
def _kept(printed: list[str]) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    held = os.dup(1), os.dup(2)
    watching = not faulthandler.is_enabled()
    if watching:
        faulthandler.enable(held[1])
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            with open(os.dup(file.fileno()), "w", buffering=1) as text, redirect_stdout(text), redirect_stderr(text):  # noqa: PTH123
                yield
        except BaseException:
            _back(held)
            sys.stderr.write(_read(file.fileno()))
            raise
        else:
            _back(held)
            printed += _read(file.fileno()).splitlines()[-MOST:]
        finally:
            if watching:
                faulthandler.disable()


def _back(held: tuple[int, int]) -> None:
    for number, stream in zip(held, (1, 2), strict=True):
        os.dup2(number, stream)
        os.close(number)


def _read(number: int) -> str:
    os.lseek(number, 0, os.SEEK_SET)
    with os.fdopen(os.dup(number), "rb") as file:
        return file.read().decode(errors="replace")
