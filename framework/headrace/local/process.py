"""One child process of this machine: started in a group of its own, logged to a file, ended whole."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ESCALATION = ((signal.SIGTERM, 10.0), (signal.SIGINT, 5.0), (signal.SIGKILL, 5.0))
"""Which signals end a child's group, and how many seconds each is given: one SIGTERM does not end a Prefect worker."""


@dataclass(slots=True)
class Child:
    """A running process with the group that it leads."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for a message about its end."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def spawn(name: str, command: Sequence[str], *, root: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start a command in `root`; its output goes to `.headrace/logs/NAME.log`."""
    log = root / ".headrace" / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            list(command),
            cwd=root,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Child(name, process, log)


def free(port: int) -> bool:
    """Whether nothing listens on a port of loopback, as a server that is about to would find it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a server that ended leaves behind for a minute is nobody
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def group_alive(pid: int) -> bool:
    """Whether any process of the group that `pid` leads still runs."""
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def descendants(pid: int) -> list[psutil.Process]:
    """All that a process has started, directly or not, and that still runs: flow runs lead sessions of their own."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def stop(child: Child) -> bool:
    """End a child and all that it started, in whatever group or session; False if something survived SIGKILL."""
    return end(child.process.pid, child.process.poll)  # reap it, or its group would seem alive


def end(pid: int, reap: Callable[[], object] = lambda: None) -> bool:
    """End the group that a process leads and all that it started; False if something survived SIGKILL."""
    known: dict[int, psutil.Process] = {}
    for number, patience in ESCALATION:
        known |= {process.pid: process for process in descendants(pid)}
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        for process in known.values():
            with contextlib.suppress(psutil.NoSuchProcess):  # psutil looks whether the pid was given to another since
                process.send_signal(number)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            reap()
            if not group_alive(pid) and not any(running(process) for process in known.values()):
                return True
            time.sleep(0.05)
    return False


def running(process: psutil.Process) -> bool:
    """Whether it has not ended; one that only waits to be reaped has."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
