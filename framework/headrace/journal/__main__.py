"""The shipper: a process of its own that brings the spool of one model into the store, ten times a second or, under load, twice."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from headrace.compiled import WorkspaceConfig, read
from headrace.diagnostics import HeadraceError, logs
from headrace.journal.presence import present
from headrace.journal.shipping import Shipped, ship_everywhere
from headrace.store import Store

LOG = logging.getLogger("headrace.journal")
_LONGEST_WAIT = 5.0
"""Seconds between two passes while the store does not answer."""
_MANY, _LONGER = 50, 5
"""After a pass of so many records the next one waits so many times longer: each costs the same, however many it brings."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ship until SIGTERM or SIGINT, then once more; the exit code."""
    options = _options(arguments)
    logs.configure(f"ship-{options.model}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    workspace: Path = options.workspace.resolve()
    root = workspace.parent.parent
    try:
        config = read(WorkspaceConfig, workspace)
        store = Store.open(config.store, config.blobs, root=root)
    except HeadraceError as error:
        LOG.error("%s", error)  # noqa: TRY400 - what a user can cause is told in a line, without a trace
        return int(error.code)
    folder = root / config.spool / options.model
    alive = _alive(options.with_parent)
    gc.freeze()  # what was imported stays: the collector need not look through it at every chunk of rows
    with store, present(folder):
        known: dict[str, int] = {}
        return _loop(lambda: ship_everywhere(store, folder, known), stop, alive, options.every)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.journal", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="the compiled flows/headrace.json")
    parser.add_argument("--model", required=True, help="the model whose spool is shipped")
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two passes")
    parser.add_argument("--with-parent", type=int, metavar="PID", help="end, after a last pass, when this process has ended")
    return parser.parse_args(arguments)


def _alive(pid: int | None) -> Callable[[], bool]:
    if pid is None:
        return lambda: True
    if hasattr(os, "pidfd_open"):
        try:
            parent = os.pidfd_open(pid)
        except ProcessLookupError:
            return lambda: False
        return lambda: not select.select([parent], [], [], 0)[0]  # readable once it has ended
    import psutil  # where the kernel is not Linux

    try:
        told = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return lambda: False
    return lambda: told.is_running() and told.status() != psutil.STATUS_ZOMBIE


def _loop(one_pass: Callable[[], Shipped], stop: threading.Event, alive: Callable[[], bool], every: float) -> int:
    failure, wait = "", every
    while not stop.wait(wait) and alive():
        done, failure = _try(one_pass, failure)
        # While the store does not answer the spool keeps; look less often.
        wait = min(wait * 2, _LONGEST_WAIT) if failure else every * _LONGER if done.records >= _MANY else every
    return 1 if _try(one_pass, failure)[1] else 0


def _try(one_pass: Callable[[], Shipped], before: str) -> tuple[Shipped, str]:
    """What was done, and the fault's text, or none; a fault is said once, not at every pass."""
    try:
        done = one_pass()
    except (HeadraceError, OSError) as error:
        if str(error) != before:
            LOG.error("%s", error)  # noqa: TRY400 - what a user can cause is told in a line, without a trace
        return Shipped(), str(error)
    if before:
        LOG.info("the store answers again")
    if done.torn or done.refused:
        LOG.warning(
            "stepped over %d torn or damaged and %d refused records; they are kept in the spool's folder `damaged`", done.torn, done.refused
        )
    return done, ""


if __name__ == "__main__":
    sys.exit(main())
