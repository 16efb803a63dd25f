"""What somebody else's code prints goes to stderr: stdout is for what a command answers, and for nothing else."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def aside() -> Iterator[None]:
    """Send to stderr whatever is printed meanwhile: by Python, by C, by the processes that are started.

    Only in the main thread: a stream belongs to the whole process, and two threads would each put back what the other had put away.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _descriptor(), redirect_stdout(sys.stderr):
        yield


@contextmanager
def _descriptor() -> Iterator[None]:
    """The stream below Python's."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    try:
        held = os.dup(1)
    except OSError:  # nobody reads it: it was closed
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(held, 1)
        os.close(held)
