"""What Python's collector of cycles is not asked to walk: all that outlives a step, and all that ends with the process.

Prefect, SQLAlchemy and the libraries of machine learning are some 300,000 objects that nobody drops. The collector walks them again
whenever a large library is imported and at the end of the process, which was a sixth of what a training of six seconds took.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_SELDOM = 50_000
"""So many new objects before the collector looks through them: a large library makes as many while it is imported, and drops none."""
_COUNTING = ("_duckdb",)
"""Extensions that report as leaked, on stderr, whatever of theirs was not collected before the process ends."""


@contextmanager
def outlived() -> Iterator[None]:
    """Within the block only what is made in it is walked, and that seldom; after it, all is again, until the process ends."""
    _at_the_end()
    usual = gc.get_threshold()
    gc.freeze()
    if usual[0]:
        gc.set_threshold(max(usual[0], _SELDOM), *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextmanager
def importing() -> Iterator[None]:
    """Without the collector while modules are imported: these stay, and it would walk Prefect's 300,000 objects for each library."""
    walks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if walks:
            gc.enable()


@cache
def _at_the_end() -> None:
    """Once a process: what stands when it ends is given back with its memory, and not cycle by cycle."""
    atexit.register(_leave)


def _leave() -> None:
    if not any(name in sys.modules for name in _COUNTING):
        gc.freeze()
