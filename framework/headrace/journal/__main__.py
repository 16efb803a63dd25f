"""The shipper: a process of its own that brings the spool of one model into the store, ten times a second, until it is told to end."""

from __future__ import annotations

import argparse
import gc
import logging
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
        return _loop(lambda: ship_everywhere(store, folder), stop, alive, options.every)


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
    import psutil

    try:
        parent = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return lambda: False
    return lambda: parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE


def _loop(one_pass: Callable[[], Shipped], stop: threading.Event, alive: Callable[[], bool], every: float) -> int:
    failure, wait = "", every
    while not stop.wait(wait) and alive():
        failure = _try(one_pass, failure)
        # While the store does not answer the spool keeps; look less often.
        wait = min(wait * 2, _LONGEST_WAIT) if failure else every
    return 1 if _try(one_pass, failure) else 0


def _try(one_pass: Callable[[], Shipped], before: str) -> str:
    """The fault's text, or nothing; a fault is said once, not at every pass."""
    try:
        done = one_pass()
    except (HeadraceError, OSError) as error:
        if str(error) != before:
            LOG.error("%s", error)  # noqa: TRY400 - what a user can cause is told in a line, without a trace
        return str(error)
    if before:
        LOG.info("the store answers again")
    if done.torn or done.refused:
        LOG.warning(
            "stepped over %d torn or damaged and %d refused records; they are kept in the spool's folder `damaged`", done.torn, done.refused
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
