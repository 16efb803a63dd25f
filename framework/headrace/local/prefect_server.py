"""Prefect on one machine: a server and a worker on loopback, and which server a command talks to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.diagnostics import Diagnostic, HeadraceError
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
    try:
        url = json.loads((root / ".headrace" / "run" / "up.json").read_text(encoding="utf-8"))["prefect"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) and url and answers(url) else None


def starting(root: Path) -> bool:
    """Whether a `headrace up` of this project is alive and its Prefect server is still to come."""
    try:
        told = json.loads((root / ".headrace" / "run" / "up.json").read_text(encoding="utf-8"))
        os.kill(int(told["pid"]), 0)
        return bool(told["prefect"] == "")
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False


@contextlib.contextmanager
def server_for(root: Path, *, worker: bool = False, say: Callable[[str], None] | None = None) -> Iterator[str]:
    """The API of a server to talk to: one that runs already, or one that lives as long as the block.

    A server of its own gets a worker where one is asked for; a server that runs already has its own.
    """
    if starting(root) and say is not None:
        say("`headrace up` is starting Prefect's server; waiting for it …")
    until = time.monotonic() + START
    while starting(root) and time.monotonic() < until:
        time.sleep(0.5)
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
