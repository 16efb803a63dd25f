"""Prefect on one machine: a server and a worker on loopback, and which server a command talks to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.local import note
from headrace.local.process import Child, spawn, stop

POOL = "headrace"
"""The work pool that deployments of every project run in."""
START = 180.0
"""Seconds a cold server is given: measured 13 to 39 s on a loaded machine."""
AT_ONCE = 4
"""How many runs one worker runs at a time: after a night away, all late ones at once would starve the machine."""
ATTEMPTS = 3
"""How often another port is tried where the chosen one was taken meanwhile."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: `url` is its API (`http://127.0.0.1:4200/api`), `child` its process."""

    url: str
    child: Child


def quiet() -> dict[str, str]:
    """Environment under which Prefect sends nothing anywhere and writes no colour codes into logs."""
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_CLI_PROMPT": "false",
    }


def home(root: Path) -> Path:
    """Where Prefect keeps its database and profiles for this project."""
    return root.resolve() / ".headrace" / "prefect"


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a Prefect API is healthy at `url`."""
    import httpx

    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=timeout, follow_redirects=True).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def start_server(root: Path, port: int = 0) -> Server:
    """Start a server on loopback and wait until it is healthy; port 0 chooses a free one.

    Raises HeadraceError `prefect-start` with the end of its log when it ends or does not answer in `START` seconds.
    """
    root = root.resolve()
    home(root).mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        chosen = port or free_port()
        url = f"http://127.0.0.1:{chosen}/api"
        env = {
            **quiet(),
            "PREFECT_HOME": str(home(root)),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_UI_ENABLED": "true",
            "PREFECT_UI_API_URL": url,
            # The default of 60 s between looks is how long a new schedule would wait for its first run.
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
            # Every 5 s it would rewrite each waiting run at once, and on SQLite lock out who calls: lateness can be told later.
            "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(chosen)]
        child = spawn("prefect-server", command, root=root, env=env)
        until = time.monotonic() + START
        while child.alive and time.monotonic() < until:
            # A healthy answer of somebody else on this port is not ours: our process must be alive as well.
            if answers(url) and child.alive:
                return Server(url, child)
            time.sleep(0.2)
        stop(child)
        taken = "address already in use" in child.tail(30).lower() or "port" in child.tail(3).lower()
        if port or not taken or attempt == ATTEMPTS - 1:
            break
    raise HeadraceError(
        Diagnostic(
            "prefect-start",
            f"Prefect's server did not start; its log ends:\n{child.tail()}",
            help=f"the whole log is {child.log}; or set PREFECT_API_URL to a server that runs",
        )
    )


def start_worker(root: Path, url: str, pool: str = POOL) -> Child:
    """Start a process worker of `pool` that runs flows in the project's folder with this interpreter."""
    root = root.resolve()
    home(root).mkdir(parents=True, exist_ok=True)
    env = {
        **quiet(),
        "PREFECT_HOME": str(home(root)),
        "PREFECT_API_URL": url,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "INFO"),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    command += ["--name", f"headrace-{os.getpid()}", "--limit", str(AT_ONCE)]
    return spawn("prefect-worker", command, root=root, env=env)


def running(root: Path) -> str | None:
    """The API of a server that runs already: `PREFECT_API_URL`, or that of this project's `headrace up`, if it answers."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url.rstrip("/")
    told = note.read(root)
    return told.prefect if told is not None and told.prefect and answers(told.prefect) else None


def starting(root: Path) -> bool:
    """Whether a `headrace up` of this project is alive and its Prefect server is still to come."""
    told = note.living(root)
    return told is not None and not told.prefect


def claim(root: Path) -> IO[str] | None:
    """The right to run this project's Prefect server, held until it is closed or its process dies; None where another has it.

    Two servers of one home would share a database, and each would hear of half the events.
    """
    home(root).mkdir(parents=True, exist_ok=True)
    file = (home(root) / "server.lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def server_for(root: Path, *, worker: bool = False, say: Callable[[str], None] | None = None) -> Iterator[str]:
    """The API of a server to talk to: one that runs already, or one that lives as long as the block.

    A server of its own gets a worker where one is asked for; a server that runs already has its own. While another command starts one,
    it is waited for; HeadraceError `prefect-start` where that takes too long.
    """
    if url := running(root):
        yield url
        return
    claimed = _await_turn(root, say or (lambda _: None))
    with claimed or contextlib.nullcontext():
        if url := running(root):
            yield url
            return
        if say is not None:
            say("starting Prefect's server (some 20 s) …")
        server = start_server(root)
        children = [server.child]
        try:
            if worker:
                children.insert(0, start_worker(root, server.url))
            yield server.url
        finally:
            for child in children:
                stop(child)


def _await_turn(root: Path, say: Callable[[str], None]) -> IO[str] | None:
    """The right to run the server, or None once another's answers."""
    until, told = time.monotonic() + START, False
    while starting(root) or (claimed := claim(root)) is None:
        if not told:
            who = "`headrace up`" if starting(root) else "another command"
            say(f"{who} is starting Prefect's server; waiting for it …")
            told = True
        if running(root) is not None:
            return None
        if time.monotonic() > until:
            raise HeadraceError(
                Diagnostic(
                    "prefect-start",
                    f"another command of this project has had Prefect's server for {START:g} s, and it does not answer here",
                    help="wait until it ends, or keep one server for all with `headrace up`",
                )
            )
        time.sleep(0.2)
    return claimed
