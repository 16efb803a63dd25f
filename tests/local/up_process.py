"""`headrace up` as a user starts it: a process of its own, ended by Ctrl-C, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

HEADRACE = [sys.executable, "-m", "headrace"]
START = 240.0
"""Seconds that a cold start may take on a loaded machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """This process's own, without a Prefect server that somebody named."""
    return {**os.environ, "DO_NOT_TRACK": "1"} | {"PYTHONUNBUFFERED": "1"}


def headrace(root: Path, *arguments: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    """One command in the project's folder."""
    return subprocess.run(
        [*HEADRACE, *arguments], cwd=root, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )


def until(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask until the answer is true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not after {seconds:.0f} s")


def survivors(root: Path, groups: list[int]) -> list[str]:
    """Processes that still run of these groups, in this folder, or with it on their command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            command = " ".join(process.cmdline())
            if os.getpgid(process.pid) in groups or str(root) in command or process.cwd().startswith(str(root)):
                found.append(f"{process.pid} {command}")
    return found


@dataclass
class Up:
    """A running `headrace up`; all that it says goes to `log`."""

    process: subprocess.Popen[bytes]
    root: Path
    log: Path

    def told(self) -> dict[str, Any]:
        """What runs where, as it was written last; empty where nothing is."""
        try:
            found: dict[str, Any] = json.loads((self.root / ".headrace" / "run" / "up.json").read_text(encoding="utf-8"))
        except OSError:
            return {}
        return found

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def has(self, *names: str) -> dict[str, int]:
        """The children with their pids, once all of these run; it must not end meanwhile."""

        def look() -> dict[str, int]:
            assert self.process.poll() is None, self.said()
            found: dict[str, int] = self.told().get("children", {})
            return found if set(names) <= set(found) else {}

        children: dict[str, int] = until(look, START, f"{', '.join(names)} among the children")
        return children

    def interrupt(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)


@contextmanager
def running(root: Path, *options: str) -> Iterator[Up]:
    """Start it; whatever it left behind when the test ends is killed."""
    log = root / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*HEADRACE, "up", *options],
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    up = Up(process, root, log)
    try:
        yield up
    finally:
        groups = list(up.told().get("children", {}).values())
        if process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                up.interrupt()
        for line in survivors(root, [process.pid, *groups]):
            found = re.match(r"\d+", line)
            with suppress(ProcessLookupError):
                os.kill(int(found[0]) if found else 0, signal.SIGKILL)
