"""Somebody else's code while it is loaded or asked: what it prints goes aside, its end is not ours, and a wait says whom it is for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from headrace.hooks.aside import aside
from headrace.hooks.found import Origin

PATIENCE = 5.0
"""Seconds after which is said what is waited for."""


@contextmanager
def attended(origin: Origin, doing: str) -> Iterator[None]:
    """`doing` is `loading` or `asking`; what is built in needs no attention."""
    if origin.kind == "builtin":
        yield
        return
    said = threading.Timer(PATIENCE, _say, (f"{doing} plugin {origin} …",))
    said.daemon = True
    said.start()
    try:
        with aside(), _staying():
            yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"while {doing} plugin {origin}") from None
    finally:
        said.cancel()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def _staying() -> Iterator[None]:
    """Without `os._exit`, which would end the command with nothing said, and with 0 for success; a process that was forked may use it."""
    leave, process, thread = os._exit, os.getpid(), threading.get_ident()

    def ends(status: int) -> NoReturn:
        if os.getpid() == process and threading.get_ident() == thread:
            raise SystemExit(f"os._exit({status})")
        leave(status)

    os._exit = ends
    try:
        yield
    finally:
        os._exit = leave
